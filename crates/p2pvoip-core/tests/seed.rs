//! Chance is repeatable, parted by name, and even.

use p2pvoip_core::Seed;

#[test]
fn names_and_indices_part_the_chance() {
    let seed = Seed::from_u64(7);
    let mut seen = [[0; 8]; 6];
    for (to, seed) in seen.iter_mut().zip([
        seed.clone(),
        seed.derive("a"),
        seed.derive("b"),
        seed.derive("a-name-longer-than-one-block"),
        seed.derive_index("a", 0),
        seed.derive_index("a", 1),
    ]) {
        *to = seed.rng().array();
    }
    for (i, one) in seen.iter().enumerate() {
        assert!(!seen[..i].contains(one), "two names gave the same chance");
    }
    assert_eq!(seed.derive("a").rng().next_u64(), seed.derive("a").rng().next_u64());
}

#[test]
fn below_stays_below_and_reaches_both_ends() {
    let mut rng = Seed::from_u64(1).rng();
    let mut hits = [0u32; 5];
    for _ in 0..5_000 {
        hits[usize::try_from(rng.below(5)).unwrap()] += 1;
    }
    assert!(hits.iter().all(|&n| (850..1_150).contains(&n)), "{hits:?}");
    assert_eq!(rng.below(0), 0);
}
