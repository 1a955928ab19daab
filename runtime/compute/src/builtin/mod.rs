//! The functions that come with a node, a file for each or for a family, all of version 1.0.0.
//!
//! Each means the same bytes for ever: what shapes its result (tables, number formatting, the order
//! of additions, quoting) is written down in its file and held by golden vectors. A change of bytes
//! is a new version in a new file; none of these is ever edited to give other bytes.

use std::sync::Arc;

use crate::function::ComputeFunction;

mod base64;
mod card;
mod case;
mod case_table;
mod compress;
mod concat;
mod csv_aggregate;
mod csv_align;
mod csv_columns;
mod csv_filter;
mod csv_join;
mod csv_sort;
mod csv_stream;
mod csv_table;
mod cut_bytes;
mod decompress;
mod digest;
mod edit;
mod encode;
mod flow;
mod identity;
mod json;
mod json_rows;
mod json_scan;
mod lines;
mod lz4_frame;
mod median;
mod number;
mod pattern;
mod repeat;
mod reverse;
mod slice;
mod sort_lines;
mod source;
mod statistics;
mod tally;
mod unique_lines;
mod utf8;
mod weave;

#[cfg(test)]
mod hostile_test;
#[cfg(test)]
mod larger_test;
#[cfg(test)]
mod properties_test;
#[cfg(test)]
mod twenty_lines_test;
#[cfg(test)]
mod vectors_compress_test;
#[cfg(test)]
mod vectors_csv_test;
#[cfg(test)]
mod vectors_encode_test;
#[cfg(test)]
mod vectors_json_test;
#[cfg(test)]
mod vectors_lines_test;
#[cfg(test)]
mod vectors_numbers_test;
#[cfg(test)]
mod vectors_test;

/// Every built-in function.
#[must_use]
pub fn all() -> Vec<Arc<dyn ComputeFunction>> {
    let mut functions: Vec<Arc<dyn ComputeFunction>> = vec![Arc::new(identity::Identity::new())];
    let streamed = streamed().into_iter();
    functions.extend(streamed.map(|it| Arc::new(it) as Arc<dyn ComputeFunction>));
    functions
}

fn streamed() -> Vec<flow::Streamed> {
    let mut functions = vec![
        concat::concat(),
        case::upper(),
        case::lower(),
        repeat::repeat(),
        reverse::reverse(),
        slice::slice(),
        digest::sha256(),
        csv_filter::csv_filter(),
        cut_bytes::take(),
        cut_bytes::skip(),
        cut_bytes::byte_count(),
        cut_bytes::xor(),
        lines::head(),
        lines::tail(),
        unique_lines::unique_lines(),
        sort_lines::sort_lines(),
        lines::line_count(),
        lines::word_count(),
        lines::join(),
        weave::interleave(),
        weave::zip_concat(),
        edit::split(),
        edit::trim(),
        edit::replace(),
        pattern::grep(),
        pattern::regex_match(),
        pattern::regex_replace(),
        base64::base64_encode(),
        base64::base64_decode(),
        encode::hex_encode(),
        encode::hex_decode(),
        encode::url_encode(),
        encode::url_decode(),
        compress::gzip_compress(),
        compress::zstd_compress(),
        compress::lz4_compress(),
        decompress::gzip_decompress(),
        decompress::zstd_decompress(),
        decompress::lz4_decompress(),
        digest::sha512(),
        digest::blake3(),
        digest::crc32(),
        digest::merkle_root(),
        utf8::utf8_validate(),
        json::json_validate(),
        json::json_extract(),
        csv_columns::csv_select(),
        csv_columns::csv_to_json(),
        csv_sort::csv_sort(),
        csv_aggregate::csv_aggregate(),
        csv_join::csv_join(),
        json_rows::json_to_csv(),
    ];
    functions.extend(statistics::all());
    functions
}
