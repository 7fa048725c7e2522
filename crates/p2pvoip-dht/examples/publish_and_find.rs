//! A record is published in a directory and found there; a forged and an older one are not taken for it.

use std::time::Duration;

use p2pvoip_core::UnixTime;
use p2pvoip_dht::{Directory, MAX_LIFETIME, MemoryDirectory, Newest, Outcome, Record, RecordKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = UnixTime::from_secs(1_800_000_000);
    // Whoever knows the secret writes at this place; whoever knows the place reads.
    let key = RecordKey::from_secret(&[7; 32])?;
    let mut directory = MemoryDirectory::new();
    let old = Record::sign(&key, 1, now + MAX_LIFETIME, b"yesterday's server")?;
    let new = Record::sign(&key, 2, now + MAX_LIFETIME, b"today's server")?;
    directory.publish(new, now)?;
    directory.publish(old.clone(), now)?;
    directory.lookup(key.slot(), now)?;

    // Answers come when they come; the reader keeps the newest that is genuine.
    let mut newest = Newest::new(key.slot());
    let genuine = |_: &Record, _: UnixTime| true;
    while let Some(finding) = directory.poll() {
        println!("{:?}: {:?}", finding.query, finding.outcome);
        if let Outcome::Found(records) = finding.outcome {
            for record in records {
                newest.offer(record, &genuine, now)?;
            }
        }
    }
    newest.offer(old, &genuine, now)?;
    let other = Record::sign(&RecordKey::from_secret(&[8; 32])?, 9, now + MAX_LIFETIME, b"somebody else's")?;
    let refused = newest.offer(other, &genuine, now);
    println!("a record of somebody else: {refused:?}");
    assert!(refused.is_err());
    let best = newest.best().ok_or("it was published")?;
    assert_eq!(best.sealed(), b"today's server");
    assert!(
        best.check_time(now + MAX_LIFETIME + Duration::from_secs(3_600)).is_err(),
        "it does not live for ever"
    );
    Ok(())
}
