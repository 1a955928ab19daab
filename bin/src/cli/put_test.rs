#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use indicatif::ProgressBar;
use tokio::io::AsyncReadExt as _;

use super::{Counted, interrupted, open};

#[tokio::test]
async fn an_interrupted_put_knows_whether_it_was_sent_to_its_end() {
    let mut counted = Counted {
        source: Box::pin(&b"abc"[..]),
        bar: ProgressBar::hidden(),
        passed: 0,
        ended: None,
    };
    counted.read_exact(&mut [0; 3]).await.unwrap();
    assert!(interrupted(&counted).contains("nothing was stored"));
    assert_eq!(counted.read(&mut [0; 3]).await.unwrap(), 0);
    assert!(interrupted(&counted).contains("may be stored"));
    assert_eq!(counted.passed, 3);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_wrong_usage() {
    let dir = std::env::temp_dir();
    for file in [PathBuf::from("/nonexistent/file"), dir] {
        let refused = open(&file).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.exit_code(), 2, "{file:?}");
    }
}
