//! What the program says of trust: the level, its fall, and the code that two people compare.

use p2pvoip::{How, Sas, Trust};
use serde_json::{Value, json};

use crate::events::{self, Printer};
use crate::view::{Held, trust::sentence};

impl Printer {
    /// How far the other side is trusted.
    pub(crate) fn trust(&self, trust: Trust) {
        self.view().note(|model| model.on_trust(trust));
        self.tell_shown("trust", fields(trust), || sentence(trust));
    }

    /// It is trusted less than before.
    pub(crate) fn trust_fell(&self, from: Trust, to: Trust) {
        if self.is_json() {
            let body = json!({ "from": from.word(), "to": to.word() });
            return self.tell("trust-fell", body, String::new);
        }
        let told = format!("trust in the other side has fallen, from `{from}` to `{to}`: {}", warning(to));
        events::bell();
        self.view().note(|model| model.on_notice(&told));
        self.view().print(Held::Warning(told));
    }

    /// The code of the call. A person who sees the view compares it there; it is of no use after the call, and not kept for then.
    pub(crate) fn sas(&self, sas: Sas) {
        if self.view().note(|model| model.on_sas(sas)) && !self.is_json() {
            return;
        }
        let emoji = sas.emoji();
        let shown: Vec<Value> =
            emoji.iter().map(|emoji| json!({ "symbol": emoji.symbol, "name": emoji.name })).collect();
        let body = json!({ "words": sas.words(), "emoji": shown });
        self.tell_shown("sas", body, || {
            let names = emoji.map(|emoji| emoji.name).join(" ");
            format!("Code of this call, the same on the other side: {sas} ({names})")
        });
    }
}

/// The level as fields of an event.
pub(crate) fn fields(trust: Trust) -> Value {
    let by = match trust.how() {
        Some(How::Introduced(by)) => Some(by.to_string()),
        _ => None,
    };
    json!({ "trust": trust.word(), "how": trust.how().map(How::word), "by": by })
}

const fn warning(to: Trust) -> &'static str {
    match to {
        Trust::Changed => "it may be somebody else; say nothing that others must not hear",
        Trust::Unencrypted => "others can listen",
        Trust::Verified(_) | Trust::KnownKey | Trust::FirstContact => "compare the words of the call again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_told_by_stable_words() {
        let expected = json!({ "trust": "verified", "how": "sas", "by": null });
        assert_eq!(fields(Trust::Verified(How::Sas)), expected);
        let by = p2pvoip::Fingerprint::new([0xAB; 24]);
        let introduced = fields(Trust::Verified(How::Introduced(by)));
        assert_eq!(
            (introduced["how"].as_str(), introduced["by"].as_str()),
            (Some("introduced"), Some(&*by.to_string()))
        );
        assert_eq!(fields(Trust::Changed)["how"], Value::Null);
    }
}
