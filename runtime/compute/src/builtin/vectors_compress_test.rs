//! Frozen vectors of the compressors. What they write is held by hash: another crate that writes
//! other bytes is another version of the function. A line here may be added, never changed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use bytes::Bytes;

use super::vectors_test::{Is, Refused, check, run, strings};
use crate::budget::BudgetLimits;

/// Made by another program, with a name and a date in its header; then the same and another member.
const NAMED: &[u8] = b"\x1f\x8b\x08\x08\x39\x30\x00\x00\x02\xff\x6e\x61\x6d\x65\x2e\x74\x78\x74\x00\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00";
const MEMBERS: &[u8] = b"\x1f\x8b\x08\x08\x39\x30\x00\x00\x02\xff\x6e\x61\x6d\x65\x2e\x74\x78\x74\x00\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xcf\x2f\xca\x49\xe1\x02\x00\xa8\x61\x38\xdd\x06\x00\x00\x00";

#[test]
fn gzip_of_others() {
    check(&[
        ("gzip_decompress", &[NAMED], &[], Is(b"hello\n")),
        ("gzip_decompress", &[MEMBERS], &[], Is(b"hello\nworld\n")),
        ("gzip_decompress", &[b""], &[], Refused("the input cannot be decompressed")),
        ("gzip_decompress", &[b"plain"], &[], Refused("the input cannot be decompressed")),
        ("gzip_decompress", &[b"\x1f\x8b\x08\x08\x39\x30\x00\x00\x02\xff\x6e\x61\x6d\x65\x2e\x74\x78\x74\x00\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06"], &[], Refused("the input cannot be decompressed")),
        ("gzip_decompress", &[b"\x1f\x8b\x08\x08\x39\x30\x00\x00\x02\xff\x6e\x61\x6d\x65\x2e\x74\x78\x74\x00\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00\x78"], &[], Refused("the input cannot be decompressed")),
        ("gzip_decompress", &[b"\x1f\x8b\x08\x08\x39\x30\x00\x00\x02\xff\x6e\x61\x6d\x65\x2e\x74\x78\x74\x00\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x7a\x7a\x06\x00\x00\x00"], &[], Refused("the input cannot be decompressed")),
        ("gzip_decompress", &[NAMED], &[("max_ratio", "0")], Refused("param `max_ratio` is the string")),
        ("zstd_decompress", &[b""], &[], Refused("the input cannot be decompressed")),
        ("zstd_decompress", &[b"plain"], &[], Refused("the input cannot be decompressed")),
        ("lz4_decompress", &[b""], &[], Refused("the input cannot be decompressed")),
        ("lz4_decompress", &[b"plain plain"], &[], Refused("the input cannot be decompressed")),
        ("lz4_decompress", &[b"\x04\x22\x4d\x18"], &[], Refused("the input cannot be decompressed")),
        ("lz4_decompress", &[b"\x02\x21\x4c\x18\x01\x00\x00\x00"], &[], Refused("the input cannot be decompressed")),
        ("gzip_compress", &[b"x"], &[("level", "10")], Refused("param `level` is the string")),
        ("zstd_compress", &[b"x"], &[("level", "0")], Refused("param `level` is the string")),
        ("lz4_compress", &[b"x"], &[("level", "1")], Refused("param `level` is not known")),
    ]);
}

/// 300,000 bytes of text with some order and some noise, more than four blocks.
fn text() -> Bytes {
    let mut state = 1u64;
    let mut text = Vec::new();
    while text.len() < 300_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.extend_from_slice(
            format!("line {} of {}\n", state >> 48, text.len() / 100).as_bytes(),
        );
    }
    text.truncate(300_000);
    Bytes::from(text)
}

#[test]
fn compressed_bytes_are_frozen() {
    type Case = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        usize,
        &'static str,
    );
    const LEVELS: &[Case] = &[
        (
            "gzip_compress",
            "gzip_decompress",
            &[],
            75258,
            "b50c2f4ddb7d8c922ffc0efd43e686bdd525238705ee7a08218db65f1d3a1b0d",
        ),
        (
            "gzip_compress",
            "gzip_decompress",
            &[("level", "0")],
            300068,
            "75cdd9ee1998318624c66a2cdf93bed50de6e761430bce58724a8c40e0118608",
        ),
        (
            "gzip_compress",
            "gzip_decompress",
            &[("level", "1")],
            83234,
            "afdcf61318a55d8f1a90fd22a3828650193f6b4af4de969134cccefaaaa4b809",
        ),
        (
            "gzip_compress",
            "gzip_decompress",
            &[("level", "9")],
            75080,
            "2a0ca0ebac46d64236a17a75be7e9b4beac219162838883f5496f73278acbf47",
        ),
        (
            "zstd_compress",
            "zstd_decompress",
            &[],
            72007,
            "2a580c289b96fdc1fd05736e9b9a290e261165cd4153130614cfcabb03a47e8d",
        ),
        (
            "zstd_compress",
            "zstd_decompress",
            &[("level", "1")],
            73369,
            "825b0daaf82d396846264435ac6ce075111bcd79ea44ca1334be3932ffab00f4",
        ),
        (
            "zstd_compress",
            "zstd_decompress",
            &[("level", "12")],
            67102,
            "da75ce21da19a1e1b7eae3aeb14828e3c9c264ea2a944c64dd2575ccf29b8f5c",
        ),
        (
            "zstd_compress",
            "zstd_decompress",
            &[("level", "19")],
            44345,
            "61f42b6a18a81fea33e5026ab3af7b09bf843bb99984ded4371021a30d4ef96a",
        ),
        (
            "lz4_compress",
            "lz4_decompress",
            &[],
            135735,
            "b0e71d9ccf098998407bb971cba4c1980a2fc7fbae54827a24af36592fc3ac18",
        ),
    ];
    for (there, back, params, len, hash) in LEVELS {
        for input in [text(), Bytes::new(), Bytes::from_static(b"abc")] {
            let out = run(
                there,
                std::slice::from_ref(&input),
                &strings(params),
                BudgetLimits::default(),
            )
            .unwrap();
            if input.len() > 3 {
                let got = blake3::hash(&out).to_hex();
                assert_eq!(
                    (out.len(), got.as_str()),
                    (*len, *hash),
                    "{there} {params:?}"
                );
            }
            let again = run(back, &[out], &BTreeMap::new(), BudgetLimits::default());
            assert_eq!(again, Ok(input), "{there} {params:?}");
        }
    }
}

#[test]
fn small_things_compress_to_these_bytes() {
    check(&[
        ("gzip_compress", &[b""], &[], Is(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
        ("gzip_compress", &[b"hello\n"], &[], Is(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00")),
        ("zstd_compress", &[b""], &[], Is(b"\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00\x99\xe9\xd8\x51")),
        ("zstd_compress", &[b"hello\n"], &[], Is(b"\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00\x68\x65\x6c\x6c\x6f\x0a\x53\x88\xbd\x91")),
        ("lz4_compress", &[b""], &[], Is(b"\x04\x22\x4d\x18\x64\x40\xa7\x00\x00\x00\x00\x05\x5d\xcc\x02")),
        ("lz4_compress", &[b"hello\n"], &[], Is(b"\x04\x22\x4d\x18\x64\x40\xa7\x06\x00\x00\x80\x68\x65\x6c\x6c\x6f\x0a\x00\x00\x00\x00\xf9\x5b\x6b\x94")),
    ]);
}
