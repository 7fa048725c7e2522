//! What programs read: one JSON document.

use serde_json::{Value, json};

use crate::aims::Side;
use crate::frozen::Compared;
use crate::run::Outcome;
use crate::table::Judged;

/// The version of the document's shape.
const VERSION: u32 = 1;

/// Outcomes, aims, and what became of frozen rows, as a document that ends with a line feed.
pub fn document(outcomes: &[Outcome], judged: &[Judged<'_>], compared: &[Compared]) -> String {
    let aims: Vec<Value> = judged
        .iter()
        .map(|one| {
            let side = match one.aim.side {
                Side::AtLeast => "at least",
                Side::AtMost => "at most",
            };
            json!({
                "case": one.aim.case,
                "metric": one.aim.metric.name(),
                "side": side,
                "wanted": one.aim.value,
                "is": one.value,
                "worst": one.worst,
                "met": one.is_met,
            })
        })
        .collect();
    let calibration: Vec<Value> = compared
        .iter()
        .map(|one| {
            json!({
                "case": one.case,
                "metric": one.metric.name(),
                "frozen": one.frozen,
                "is": one.live,
                "chance": one.chance,
                "met": one.is_met,
            })
        })
        .collect();
    let document =
        json!({ "version": VERSION, "calibration": calibration, "outcomes": outcomes, "aims": aims });
    format!("{document:#}\n")
}
