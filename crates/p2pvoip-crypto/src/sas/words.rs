//! The 128 words in which a code is read aloud: 7 bits a word.
//!
//! Chosen by a program from common English words of 4 to 7 letters so that no two share their first three letters or a
//! first syllable, every two differ in three letters or more, and in three sounds or more where voiced and unvoiced or
//! neighbouring sounds (b and p, m and n, short e and i) count as half a difference (pronunciations of the CMU dictionary).
//! Words with a common homophone were left out. The tests repeat what can be told from the letters.
//!
//! # Left out
//! - Other languages: an application translates by the index of a word, and both ends have to show the same language.

/// How many words there are: 7 bits each.
pub(super) const WORD_COUNT: usize = 128;

/// The words, in the order of their bits. A change of it is a change of the wire.
#[rustfmt::skip]
pub(super) const WORDS: [&str; WORD_COUNT] = [
    "abacus", "airport", "antler", "apron", "arctic", "atlas", "avocado", "bakery", "barley", "bicycle",
    "blossom", "bonfire", "bracket", "bridge", "bronze", "buffalo", "cashew", "chimney", "cluster",
    "cowboy", "crown", "cube", "daisy", "denim", "diamond", "donkey", "drawer", "drizzle", "eclipse",
    "ember", "evening", "fabric", "farmer", "feather", "flute", "forest", "funnel", "galaxy", "garden",
    "giraffe", "glacier", "gondola", "gravel", "halo", "hexagon", "history", "hobby", "horizon", "hotel",
    "iceberg", "igloo", "insect", "jaguar", "jasmine", "jigsaw", "judo", "kettle", "kiwi", "lagoon",
    "lasso", "laundry", "leopard", "lilac", "lotus", "lunch", "machine", "mailbox", "mammoth", "mango",
    "meteor", "mosaic", "museum", "napkin", "nutmeg", "oasis", "oatmeal", "orbit", "ostrich", "outlet",
    "oven", "oxygen", "ozone", "pancake", "parade", "pasta", "penguin", "piano", "pixel", "pocket", "polar",
    "prairie", "pyramid", "quarry", "rainbow", "rhubarb", "safari", "salad", "sandal", "saturn", "shrimp",
    "silver", "spinach", "stamp", "sugar", "tadpole", "thimble", "tomato", "topaz", "tornado", "tractor",
    "trumpet", "tulip", "tundra", "unicorn", "vampire", "velvet", "violin", "volcano", "waiter", "walrus",
    "wedding", "window", "wombat", "wool", "yeast", "yogurt", "zigzag", "zodiac",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// In how many letters two words differ (Levenshtein).
    fn distance(a: &str, b: &str) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.bytes().enumerate() {
            let mut corner = i;
            row[0] = i + 1;
            for (j, y) in b.bytes().enumerate() {
                let best = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
                corner = std::mem::replace(&mut row[j + 1], best);
            }
        }
        row[b.len()]
    }

    /// How a word sounds, roughly: each consonant as its class, all vowels alike.
    fn sound(word: &str) -> String {
        let class = |letter| match letter {
            'b' | 'p' => 'p',
            'd' | 't' => 't',
            'c' | 'k' | 'q' | 'g' => 'k',
            'f' | 'v' => 'f',
            's' | 'z' => 's',
            'm' | 'n' => 'n',
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' => 'a',
            other => other,
        };
        let mut sounds: Vec<char> = word.chars().map(class).collect();
        sounds.dedup();
        sounds.into_iter().collect()
    }

    fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
        WORDS.iter().enumerate().flat_map(|(i, a)| WORDS[i + 1..].iter().map(move |b| (*a, *b)))
    }

    #[test]
    fn words_are_short_plain_and_sorted() {
        for word in WORDS {
            assert!((4..=7).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn no_two_words_start_with_the_same_three_letters() {
        for (a, b) in pairs() {
            assert_ne!(a[..3], b[..3], "{a} and {b}");
        }
    }

    #[test]
    fn every_two_words_differ_in_three_letters_or_more() {
        for (a, b) in pairs() {
            assert!(distance(a, b) >= 3, "{a} and {b}");
        }
        assert_eq!((distance("kitten", "sitting"), distance("abc", "abc")), (3, 0));
    }

    #[test]
    fn no_two_words_sound_alike_when_like_consonants_are_confused_and_vowels_are_lost() {
        for (a, b) in pairs() {
            assert_ne!(sound(a), sound(b), "{a} and {b}");
        }
        assert_eq!(sound("bug"), sound("pack"));
    }
}
