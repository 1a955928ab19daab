//! Pins: on disk when they are answered, on existing things only, listed page by page.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{
    DagConfig,
    stage_test::{PATIENCE, Stage, recipe},
};
use deriva_messages::{
    Fault,
    dag::{DagMessage, MissingInputs, PinPage},
};
use deriva_model::CAddr;

impl Stage {
    async fn pin(&self, address: CAddr) -> Result<bool, Fault> {
        let pin = |reply| DagMessage::Pin { address, reply };
        self.slot.call(PATIENCE, pin).await
    }

    async fn unpin(&self, address: CAddr) -> Result<bool, Fault> {
        let unpin = |reply| DagMessage::Unpin { address, reply };
        self.slot.call(PATIENCE, unpin).await
    }

    async fn pins(&self, after: Option<CAddr>, limit: usize) -> PinPage {
        let list = |reply| DagMessage::ListPins {
            after,
            limit,
            reply,
        };
        self.slot.call(PATIENCE, list).await.unwrap()
    }
}

#[tokio::test]
async fn a_pin_survives_a_power_cut_and_so_does_its_withdrawal() {
    let stage = Stage::new().await;
    let (leaf, other) = (stage.leaf(b"one").await, stage.leaf(b"two").await);
    let over = recipe(1, &[leaf]);
    let put = stage.put(std::slice::from_ref(&over), MissingInputs::Refuse);
    put.await.unwrap();
    for address in [leaf, other, over.address()] {
        assert_eq!(stage.pin(address).await, Ok(true));
        assert_eq!(stage.pin(address).await, Ok(false));
    }
    assert_eq!(stage.unpin(other).await, Ok(true));
    assert_eq!(stage.unpin(other).await, Ok(false));
    let stage = stage.reopened(DagConfig::default()).await;
    let mut expected = vec![leaf, over.address()];
    expected.sort_unstable();
    let pins = stage.pins(None, 10).await;
    assert_eq!(
        (pins.addresses, pins.total, pins.more),
        (expected, 2, false)
    );
}

#[tokio::test]
async fn nothing_is_not_pinned() {
    let stage = Stage::new().await;
    let address = CAddr::of_leaf(b"nobody put this");
    assert_eq!(stage.pin(address).await, Err(Fault::NotFound { address }));
    assert_eq!(stage.pins(None, 10).await, PinPage::default());
}

#[tokio::test]
async fn pages_join_to_all_pins() {
    let stage = Stage::new().await;
    let mut all = Vec::new();
    for number in 0..7_u8 {
        let leaf = stage.leaf(&[number]).await;
        stage.pin(leaf).await.unwrap();
        all.push(leaf);
    }
    all.sort_unstable();
    let mut listed: Vec<CAddr> = Vec::new();
    loop {
        let page = stage.pins(listed.last().copied(), 3).await;
        assert_eq!(page.total, 7);
        assert!(page.addresses.len() <= 3);
        listed.extend(page.addresses);
        if !page.more {
            break;
        }
    }
    assert_eq!(listed, all);
}
