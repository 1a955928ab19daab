#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use bytes::Bytes;
use csv::ByteRecord;

use super::super::csv_stream::TableStream;
use super::*;
use crate::budget::{BudgetLimits, Resource};
use crate::streaming::Whole;

fn budget() -> Budget {
    Budget::new(BudgetLimits::default(), Arc::new(|| Duration::ZERO))
}

fn open(bytes: &[u8], budget: &mut Budget) -> Result<TableStream, FunctionError> {
    let input = Whole::boxed(Bytes::copy_from_slice(bytes));
    let mut table = TableStream::new(4, input, b',');
    table.begin(budget)?;
    Ok(table)
}

/// Reads a table and gives its records, the header first.
fn read(bytes: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, FunctionError> {
    let mut budget = budget();
    let mut table = open(bytes, &mut budget)?;
    let cells = |record: &ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
    let mut records = vec![cells(table.header())];
    let mut record = ByteRecord::new();
    while table.next(&mut record, &mut budget)? {
        records.push(cells(&record));
    }
    Ok(records)
}

fn write(records: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut budget = budget();
    let mut output = Outbox::default();
    for record in records {
        let cells = record.iter().map(Vec::as_slice);
        write_record(cells, b',', &mut output, &mut budget).unwrap();
    }
    output.take().unwrap_or_default().to_vec()
}

fn refused_line(bytes: &[u8]) -> u64 {
    match read(bytes).unwrap_err() {
        FunctionError::BadTable { input: 4, line, .. } => line,
        other => panic!("{other}"),
    }
}

#[test]
fn ragged_records_are_named_by_line() {
    assert_eq!(refused_line(b"a,b\n1,2\n3\n"), 3);
    assert_eq!(refused_line(b"a,b\r\n1,2\r\n3\r\n"), 3);
    assert_eq!(refused_line(b"a,b\r1,2\r3\r"), 3);
    assert_eq!(refused_line(b"a,b\n\n\n1,2,3\n"), 4);
    assert_eq!(refused_line(b"a,b\n\"x\ny\",2\n3"), 4);
    assert_eq!(refused_line(b"\xef\xbb\xbfa,b\n3\n"), 2);
    let error = read(b"a,b\n1\n").unwrap_err().to_string();
    assert!(error.starts_with("input 4, line 2: the record has 1 cells and the header has 2"));
}

#[test]
fn a_table_without_a_header_is_refused() {
    for bytes in [&b""[..], b"\n\n", b"\xef\xbb\xbf"] {
        assert_eq!(refused_line(bytes), 1);
    }
}

#[test]
fn quotes_blank_lines_and_marks() {
    let records = read(b"\xef\xbb\xbfa,b\r\n\r\n\"x,\"\"y\", \n").unwrap();
    assert_eq!(
        records,
        [
            [b"a".to_vec(), b"b".to_vec()],
            [b"x,\"y".to_vec(), b" ".to_vec()]
        ]
    );
    assert_eq!(write(&records), b"a,b\n\"x,\"\"y\", \n");
}

#[test]
fn columns_are_found_by_name_or_refused() {
    let mut budget = budget();
    let table = open(b"a,b,a\n", &mut budget).unwrap();
    assert_eq!(table.column("b").unwrap(), 1);
    let missing = table.column("c\n").unwrap_err().to_string();
    assert_eq!(
        missing,
        "input 4, line 1: there is no column \"c\\n\"; the columns are a, b, a"
    );
    assert!(
        table
            .column("a")
            .unwrap_err()
            .to_string()
            .contains("stands more than once")
    );
}

#[test]
fn a_quote_that_is_never_closed_is_stopped_by_the_budget() {
    let mut bytes = b"a,b\n1,\"".to_vec();
    bytes.resize(80 * 1024 * 1024, b'x');
    let error = read(&bytes).unwrap_err();
    assert!(matches!(
        error,
        FunctionError::BudgetExceeded {
            what: Resource::ScratchBytes,
            ..
        }
    ));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        width in 1usize..4,
        cells in proptest::collection::vec("[ab,\"\r\n]{0,4}", 1..40),
    ) {
        let records: Vec<Vec<Vec<u8>>> = cells
            .chunks_exact(width)
            .map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect())
            .collect();
        prop_assume!(!records.is_empty());
        prop_assert_eq!(read(&write(&records)).unwrap(), records);
    }
}
