//! Frozen vectors of encodings and digests, the latter computed by other programs too.
//! A line here may be added, never changed.

use super::vectors_test::{Is, Refused, check};

#[test]
fn base64_encode() {
    check(&[
        ("base64_encode", &[b"hello"], &[], Is(b"aGVsbG8=")),
        ("base64_encode", &[b""], &[], Is(b"")),
        ("base64_encode", &[b"\xfb\xff"], &[], Is(b"+/8=")),
        (
            "base64_encode",
            &[b"\xfb\xff"],
            &[("alphabet", "url")],
            Is(b"-_8="),
        ),
        (
            "base64_encode",
            &[b"hello"],
            &[("padding", "false")],
            Is(b"aGVsbG8"),
        ),
        (
            "base64_encode",
            &[b"a"],
            &[("alphabet", "hex")],
            Refused("param `alphabet` is the string \"hex\""),
        ),
    ]);
}

#[test]
fn base64_decode() {
    check(&[
        ("base64_decode", &[b"aGVsbG8="], &[], Is(b"hello")),
        ("base64_decode", &[b"aGVs\r\nbG8=\n"], &[], Is(b"hello")),
        ("base64_decode", &[b""], &[], Is(b"")),
        (
            "base64_decode",
            &[b"-_8="],
            &[("alphabet", "url")],
            Is(b"\xfb\xff"),
        ),
        (
            "base64_decode",
            &[b"aGVsbG8"],
            &[("padding", "false")],
            Is(b"hello"),
        ),
        (
            "base64_decode",
            &[b"aGVsbG8"],
            &[],
            Refused("the input is not base64 with padding"),
        ),
        (
            "base64_decode",
            &[b"aGVsbG8="],
            &[("padding", "false")],
            Refused("the input is not base64 without padding"),
        ),
        (
            "base64_decode",
            &[b"aGVsbG9="],
            &[],
            Refused("the input is not base64"),
        ),
        (
            "base64_decode",
            &[b"aGVs bG8="],
            &[],
            Refused("the input is not base64"),
        ),
        (
            "base64_decode",
            &[b"aGVsbG8=aGVsbG8="],
            &[],
            Refused("the input is not base64"),
        ),
        (
            "base64_decode",
            &[b"====aaaa"],
            &[],
            Refused("the input is not base64"),
        ),
        (
            "base64_decode",
            &[b"a"],
            &[],
            Refused("the input is not base64"),
        ),
        (
            "base64_decode",
            &[b"-_8="],
            &[],
            Refused("the input is not base64"),
        ),
    ]);
}

#[test]
fn hex_encode() {
    check(&[
        ("hex_encode", &[b"\x00\xff\x1a"], &[], Is(b"00ff1a")),
        ("hex_encode", &[b""], &[], Is(b"")),
        ("hex_encode", &[b"az"], &[], Is(b"617a")),
        (
            "hex_encode",
            &[b"a"],
            &[("x", "1")],
            Refused("param `x` is not known"),
        ),
    ]);
}

#[test]
fn hex_decode() {
    check(&[
        ("hex_decode", &[b"00ff1A"], &[], Is(b"\x00\xff\x1a")),
        ("hex_decode", &[b"6\n1\r\n"], &[], Is(b"a")),
        ("hex_decode", &[b""], &[], Is(b"")),
        (
            "hex_decode",
            &[b"6"],
            &[],
            Refused("the number of hex digits is odd"),
        ),
        (
            "hex_decode",
            &[b"0x61"],
            &[],
            Refused("the byte \"x\" at offset 1 is not a hex digit"),
        ),
    ]);
}

#[test]
fn url_encode() {
    check(&[
        (
            "url_encode",
            &[b"a b&c/\xc3\xa9~"],
            &[],
            Is(b"a%20b%26c%2F%C3%A9~"),
        ),
        ("url_encode", &[b""], &[], Is(b"")),
        ("url_encode", &[b"a b+c"], &[("space", "+")], Is(b"a+b%2Bc")),
        ("url_encode", &[b"\x00\xff"], &[], Is(b"%00%FF")),
        (
            "url_encode",
            &[b"a"],
            &[("space", "_")],
            Refused("param `space` is the string \"_\""),
        ),
    ]);
}

#[test]
fn url_decode() {
    check(&[
        (
            "url_decode",
            &[b"a%20b%26c%2f%C3%A9~"],
            &[],
            Is(b"a b&c/\xc3\xa9~"),
        ),
        ("url_decode", &[b""], &[], Is(b"")),
        ("url_decode", &[b"a+b%2Bc"], &[("space", "+")], Is(b"a b+c")),
        ("url_decode", &[b"a+b"], &[], Is(b"a+b")),
        ("url_decode", &[b"%00%ff"], &[], Is(b"\x00\xff")),
        (
            "url_decode",
            &[b"50% off"],
            &[],
            Refused("the % before offset 4 is not followed by two hex digits"),
        ),
        (
            "url_decode",
            &[b"%4"],
            &[],
            Refused("the % before offset 3 is not followed"),
        ),
    ]);
}

#[test]
fn sha512() {
    check(&[
        ("sha512", &[b"abc"], &[], Is(b"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")),
        ("sha512", &[b""], &[], Is(b"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")),
        ("sha512", &[b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], &[], Is(b"4b11459c33f52a22ee8236782714c150a3b2c60994e9acee17fe68947a3e6789f31e7668394592da7bef827cddca88c4e6f86e4df7ed1ae6cba71f3e98faee9f")),
        ("sha512", &[b"a"], &[("x", "1")], Refused("param `x` is not known")),
    ]);
}

#[test]
fn blake3() {
    check(&[
        (
            "blake3",
            &[b""],
            &[],
            Is(b"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        ),
        (
            "blake3",
            &[b"\x00"],
            &[],
            Is(b"2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        ),
        (
            "blake3",
            &[b"hello world\n"],
            &[],
            Is(b"dc5a4edb8240b018124052c330270696f96771a63b45250a5c17d3000e823355"),
        ),
        (
            "blake3",
            &[b"a"],
            &[("x", "1")],
            Refused("param `x` is not known"),
        ),
    ]);
}

#[test]
fn crc32() {
    check(&[
        ("crc32", &[b"123456789"], &[], Is(b"cbf43926")),
        ("crc32", &[b""], &[], Is(b"00000000")),
        ("crc32", &[b"hello"], &[], Is(b"3610a686")),
        ("crc32", &[], &[], Refused("0 inputs were given")),
    ]);
}

#[test]
fn merkle_root() {
    check(&[
        (
            "merkle_root",
            &[b"", b"\x00"],
            &[],
            Is(b"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ),
        (
            "merkle_root",
            &[],
            &[],
            Is(b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ),
        (
            "merkle_root",
            &[b""],
            &[],
            Is(b"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ),
        (
            "merkle_root",
            &[
                b"",
                b"\x00",
                b"\x10",
                b" !",
                b"01",
                b"@ABC",
                b"PQRSTUVW",
                b"`abcdefghijklmno",
            ],
            &[],
            Is(b"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ),
        (
            "merkle_root",
            &[
                b"",
                b"\x01",
                b"\x02\x02",
                b"\x03\x03\x03",
                b"\x04\x04\x04\x04",
                b"\x05\x05\x05\x05\x05",
                b"\x06\x06\x06\x06\x06\x06",
            ],
            &[],
            Is(b"b0cc4f00cd89333eef11e629a34d1c746aa6e4d6493bb553e4dac36871ab00e5"),
        ),
        (
            "merkle_root",
            &[b"a\nb\nc"],
            &[("leaves", "lines")],
            Is(b"36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1"),
        ),
        (
            "merkle_root",
            &[b""],
            &[("leaves", "lines")],
            Is(b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ),
        (
            "merkle_root",
            &[b"a", b"b"],
            &[("leaves", "lines")],
            Refused("leaves=lines takes exactly 1 input, and 2 were given"),
        ),
    ]);
}

#[test]
fn utf8_validate() {
    check(&[
        (
            "utf8_validate",
            &[b"h\xc3\xa9llo \xe5\xad\x97\xf0\x9f\xa6\x80"],
            &[],
            Is(b"h\xc3\xa9llo \xe5\xad\x97\xf0\x9f\xa6\x80"),
        ),
        ("utf8_validate", &[b""], &[], Is(b"")),
        (
            "utf8_validate",
            &[b"ab\x80"],
            &[],
            Refused("input 0 is not UTF-8 text: the byte at offset 2"),
        ),
        (
            "utf8_validate",
            &[b"a\xf0\x9f\xa6"],
            &[],
            Refused("input 0 is not UTF-8 text: the byte at offset 1"),
        ),
        (
            "utf8_validate",
            &[b"\xed\xa0\x80"],
            &[],
            Refused("input 0 is not UTF-8 text: the byte at offset 0"),
        ),
        (
            "utf8_validate",
            &[b"\xc3\xa9\xc0\xaf"],
            &[],
            Refused("input 0 is not UTF-8 text: the byte at offset 2"),
        ),
    ]);
}
