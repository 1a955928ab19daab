use super::shard_of;
use deriva_model::ContentHash;

#[test]
fn the_first_eight_bytes_big_endian_decide() {
    let mut bytes = [0xff; 32];
    bytes[..8].copy_from_slice(&10u64.to_be_bytes());
    let content = ContentHash::from_bytes(bytes);
    assert_eq!(shard_of(&content, 4), 2);
    assert_eq!(shard_of(&content, 1), 0);
}

#[test]
fn every_shard_gets_its_share() {
    let mut seen = [0u32; 4];
    for number in 0..4_000u32 {
        let content = ContentHash::of(&number.to_le_bytes());
        seen[shard_of(&content, seen.len())] += 1;
    }
    assert!(
        seen.iter().all(|share| (800..1_200).contains(share)),
        "{seen:?}"
    );
}

#[test]
fn no_shards_is_no_division() {
    assert_eq!(shard_of(&ContentHash::of(b""), 0), 0);
}
