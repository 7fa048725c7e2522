//! The laws of the wire: what is written is read, and bounds hold.

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_is_written_is_read(a: u8, b: u16, c in 0u32..1 << 24, d: u32, e in 0u64..1 << 48, f: u64, g: [u8; 5]) {
        let mut buf = [0; 64];
        let mut writer = Writer::new(&mut buf);
        writer.u8(a).unwrap();
        writer.u16(b).unwrap();
        writer.u24(c).unwrap();
        writer.u32(d).unwrap();
        writer.u48(e).unwrap();
        writer.u64(f).unwrap();
        writer.block8(&g).unwrap();
        writer.block16(&g).unwrap();
        let len = writer.len();
        let mut reader = Reader::new(&buf[..len]);
        prop_assert_eq!((reader.u8(), reader.u16(), reader.u24()), (Ok(a), Ok(b), Ok(c)));
        prop_assert_eq!((reader.u32(), reader.u48(), reader.u64()), (Ok(d), Ok(e), Ok(f)));
        prop_assert_eq!((reader.block8(), reader.block16()), (Ok(&g[..]), Ok(&g[..])));
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_short_slice_is_refused_and_not_consumed(len in 0usize..8) {
        let bytes = [7; 8];
        let mut reader = Reader::new(&bytes[..len]);
        prop_assert_eq!(reader.u64(), Err(Malformed::Truncated));
        prop_assert_eq!(reader.remaining(), len);
    }

    #[test]
    fn a_full_buffer_is_left_as_it_was(room in 0usize..4) {
        let mut buf = [9; 4];
        let mut writer = Writer::new(&mut buf[..room]);
        prop_assert_eq!(writer.block16(b"abc"), Err(Malformed::Truncated));
        prop_assert!(writer.is_empty());
        prop_assert_eq!(buf, [9; 4]);
    }
}

#[test]
fn bytes_left_over_are_told() {
    assert_eq!(Reader::new(&[1]).finish(), Err(Malformed::Trailing));
}
