//! The 64 emoji in which a code is compared at a glance: 6 bits an emoji.
//!
//! Each is one code point of Unicode 8 (2015) or earlier that is shown as a picture without a variation selector, of one
//! plain thing with one English name. No two are of one kind that fonts draw alike (one whale and no dolphin, one guitar and
//! no violin, no faces, no flags, no hearts, no colours as the only difference).
//!
//! # Left out
//! - Names in other languages: an application translates by the index or by the English name.

/// A picture with its English name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Emoji {
    /// The picture: one code point, two columns wide in a terminal.
    pub symbol: &'static str,
    /// What to call it when it is read aloud.
    pub name: &'static str,
}

const fn emoji(symbol: &'static str, name: &'static str) -> Emoji {
    Emoji { symbol, name }
}

/// How many emoji there are: 6 bits each.
pub(super) const EMOJI_COUNT: usize = 64;

/// The emoji, in the order of their bits. A change of it is a change of the wire.
pub(super) const EMOJI: [Emoji; EMOJI_COUNT] = [
    emoji("\u{1f418}", "elephant"),   // 🐘
    emoji("\u{1f422}", "turtle"),     // 🐢
    emoji("\u{1f419}", "octopus"),    // 🐙
    emoji("\u{1f41d}", "bee"),        // 🐝
    emoji("\u{1f427}", "penguin"),    // 🐧
    emoji("\u{1f438}", "frog"),       // 🐸
    emoji("\u{1f433}", "whale"),      // 🐳
    emoji("\u{1f40c}", "snail"),      // 🐌
    emoji("\u{1f412}", "monkey"),     // 🐒
    emoji("\u{1f42b}", "camel"),      // 🐫
    emoji("\u{1f411}", "sheep"),      // 🐑
    emoji("\u{1f413}", "rooster"),    // 🐓
    emoji("\u{1f981}", "lion"),       // 🦁
    emoji("\u{1f980}", "crab"),       // 🦀
    emoji("\u{1f984}", "unicorn"),    // 🦄
    emoji("\u{1f43c}", "panda"),      // 🐼
    emoji("\u{1f335}", "cactus"),     // 🌵
    emoji("\u{1f33b}", "sunflower"),  // 🌻
    emoji("\u{1f344}", "mushroom"),   // 🍄
    emoji("\u{1f333}", "tree"),       // 🌳
    emoji("\u{1f341}", "leaf"),       // 🍁
    emoji("\u{1f319}", "moon"),       // 🌙
    emoji("\u{1f308}", "rainbow"),    // 🌈
    emoji("\u{26c4}", "snowman"),     // ⛄
    emoji("\u{1f525}", "fire"),       // 🔥
    emoji("\u{1f30d}", "globe"),      // 🌍
    emoji("\u{1f30b}", "volcano"),    // 🌋
    emoji("\u{1f34c}", "banana"),     // 🍌
    emoji("\u{1f352}", "cherries"),   // 🍒
    emoji("\u{1f347}", "grapes"),     // 🍇
    emoji("\u{1f34b}", "lemon"),      // 🍋
    emoji("\u{1f349}", "melon"),      // 🍉
    emoji("\u{1f355}", "pizza"),      // 🍕
    emoji("\u{1f354}", "burger"),     // 🍔
    emoji("\u{1f35e}", "bread"),      // 🍞
    emoji("\u{1f383}", "pumpkin"),    // 🎃
    emoji("\u{1f382}", "cake"),       // 🎂
    emoji("\u{1f33d}", "corn"),       // 🌽
    emoji("\u{2614}", "umbrella"),    // ☔
    emoji("\u{2693}", "anchor"),      // ⚓
    emoji("\u{1f680}", "rocket"),     // 🚀
    emoji("\u{1f6b2}", "bicycle"),    // 🚲
    emoji("\u{1f682}", "train"),      // 🚂
    emoji("\u{1f681}", "helicopter"), // 🚁
    emoji("\u{26f5}", "sailboat"),    // ⛵
    emoji("\u{1f68c}", "bus"),        // 🚌
    emoji("\u{26fa}", "tent"),        // ⛺
    emoji("\u{1f3e0}", "house"),      // 🏠
    emoji("\u{1f511}", "key"),        // 🔑
    emoji("\u{1f514}", "bell"),       // 🔔
    emoji("\u{1f528}", "hammer"),     // 🔨
    emoji("\u{1f4a1}", "lamp"),       // 💡
    emoji("\u{1f52c}", "microscope"), // 🔬
    emoji("\u{1f381}", "gift"),       // 🎁
    emoji("\u{1f388}", "balloon"),    // 🎈
    emoji("\u{1f3b8}", "guitar"),     // 🎸
    emoji("\u{1f3ba}", "trumpet"),    // 🎺
    emoji("\u{1f3b2}", "dice"),       // 🎲
    emoji("\u{1f451}", "crown"),      // 👑
    emoji("\u{1f453}", "glasses"),    // 👓
    emoji("\u{1f462}", "boot"),       // 👢
    emoji("\u{1f3a9}", "hat"),        // 🎩
    emoji("\u{1f48e}", "diamond"),    // 💎
    emoji("\u{23f0}", "clock"),       // ⏰
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_emoji_is_one_code_point_of_its_own_with_a_name_of_its_own() {
        for (i, a) in EMOJI.iter().enumerate() {
            assert_eq!(a.symbol.chars().count(), 1, "{}", a.name);
            assert!(a.symbol.chars().all(|c| c >= '\u{2600}' || c == '\u{23f0}'), "{}", a.name);
            assert!((3..=10).contains(&a.name.len()) && a.name.bytes().all(|b| b.is_ascii_lowercase()));
            for b in &EMOJI[i + 1..] {
                assert!(a.symbol != b.symbol && a.name != b.name, "{} and {}", a.name, b.name);
            }
        }
    }

    #[test]
    fn names_start_differently_so_that_a_half_heard_one_is_not_taken_for_another() {
        for (i, a) in EMOJI.iter().enumerate() {
            for b in &EMOJI[i + 1..] {
                assert_ne!(a.name[..3], b.name[..3], "{} and {}", a.name, b.name);
            }
        }
    }
}
