//! Scenarios of the user's own, in TOML: capacity, delays, queues, loss, flows, competitors (docs/cc-suite.md).

mod check;
mod shape;

use std::fmt;

use crate::scenario::Scenario;
use shape::File;

/// What a file says.
#[derive(Clone, Debug)]
pub struct Read {
    /// The scenario.
    pub scenario: Scenario,
    /// How many variants of it are run.
    pub variants: u64,
}

/// Why a file is no scenario; the text names the line, the field, or both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

/// Reads a scenario.
///
/// # Errors
/// [`ScenarioError`] names the line of what is no TOML or no known field, or the field whose value makes no sense
/// and, where it is found, its line.
pub fn parse(text: &str) -> Result<Read, ScenarioError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ScenarioError(format!("line {line}: {}", error.message()))
    })?;
    check::scenario(file).map_err(|error| {
        let line = line_of(text, &error).map_or_else(String::new, |line| format!("line {line}: "));
        ScenarioError(format!("{line}{error}"))
    })
}

/// The line of the first field that an error names, such as `flow[1].pauses[0]`, where it is written as people write it: its key on
/// a line of its own below the head of its table.
fn line_of(text: &str, error: &str) -> Option<usize> {
    let path = error.split('`').nth(1)?;
    let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
    let key = key.split('[').next()?;
    let (name, number) = match table.strip_suffix(']').and_then(|table| table.split_once('[')) {
        Some((name, number)) => (name, number.parse().ok()?),
        None => (table, 0),
    };
    let mut lines = text.lines().enumerate();
    if !name.is_empty() {
        let is_head =
            |line: &str| line.trim().trim_matches(['[', ']']) == name && line.trim().starts_with('[');
        lines.by_ref().filter(|(_, line)| is_head(line)).nth(number)?;
    }
    let mut own = lines.take_while(|(_, line)| !line.trim().starts_with('['));
    let is_key = |line: &str| line.split_once('=').is_some_and(|(word, _)| word.trim() == key);
    own.find(|(_, line)| is_key(line)).map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::{Loss, Transfer};

    const PLAIN: &str = "seconds = 10\n[forward]\ncapacity = 500\n[[flow]]\nmedia = \"video\"\n";

    proptest! {
        #[test]
        fn what_people_write_never_panics(
            text in any::<String>(),
            values in proptest::array::uniform8(prop_oneof![any::<f64>(), -10.0..100.0, Just(0.0), Just(1.0)]),
        ) {
            let _ = parse(&text);
            let [seconds, at, kbps, loss, burst, start, end, delay] = values;
            let text = format!(
                "seconds = {seconds:?}\n[forward]\ncapacity = [[0, 500], [{at:?}, {kbps:?}]]\nloss = {loss:?}\n\
                 burst = {burst:?}\n[[flow]]\nmedia = \"audio\"\nstart = {start:?}\nend = {end:?}\ndelay-ms = {delay:?}"
            );
            if let Ok(read) = parse(&text) {
                for number in 0..3 {
                    let mut scenario = crate::cases::variant(&read.scenario, number);
                    scenario.duration = scenario.duration.min(2_000_000);
                    prop_assert!(crate::run::once(&scenario, "p2pvoip", number).is_some());
                }
            }
        }
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let read = parse(PLAIN).expect("a scenario");
        assert_eq!((read.variants, read.scenario.flows.len(), read.scenario.links.len()), (3, 1, 2));
        assert_eq!(read.scenario.flows[0].forward.propagation(), 50_000);
        assert_eq!(read.scenario.links[0].rates, [(0, 500_000)]);
        assert_eq!(read.scenario.links[0].loss, Loss::None);
    }

    #[test]
    fn the_examples_are_scenarios() {
        for text in [
            include_str!("../scenarios/hotel.toml"),
            include_str!("../scenarios/gap.toml"),
            include_str!("../scenarios/family.toml"),
        ] {
            let read = parse(text).expect(text);
            assert!(!read.scenario.flows.is_empty());
        }
        let family = parse(include_str!("../scenarios/family.toml")).expect("a scenario").scenario;
        assert!(matches!(family.tcps[0].transfer, Transfer::Short { bytes: (30_000, 50_000), .. }));
    }

    #[test]
    fn bursts_keep_the_share_that_is_lost() {
        let text = PLAIN.replace("capacity = 500", "capacity = 500\nloss = 0.1\nburst = 4");
        let Loss::Bursts { begin, end } = parse(&text).expect("a scenario").scenario.links[0].loss else {
            panic!("no bursts");
        };
        assert!((begin / (begin + end) - 0.1).abs() < 1e-9);
        assert!((1.0 / end - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_field_is_found_in_its_own_table() {
        let text = "seconds = 10\n\n[forward]\ncapacity = 500\n# two flows\n[[flow]]\nmedia = \"video\"\n\
                    pauses = [[1, 2]]\n[[flow]]\nmedia = \"audio\"\npauses = [[2, 1]]\n";
        let error = parse(text).expect_err("a pause that ends first").to_string();
        assert!(error.starts_with("line 11: `flow[1].pauses[0]`"), "{error}");
        let error = parse(&text.replace("= 10\n", "= 0\n")).expect_err("no time").to_string();
        assert!(error.starts_with("line 1: `seconds`"), "{error}");
        assert_eq!(line_of(text, "`flow[2].pauses[0]` is nowhere"), None);
        assert_eq!(line_of(text, "no field at all"), None);
    }

    #[test]
    fn a_competitor_may_run_against_the_media() {
        let text = format!("{PLAIN}[[tcp]]\n[[tcp]]\ndirection = \"backward\"\n");
        let scenario = parse(&text).expect("a scenario").scenario;
        let ways: Vec<_> =
            scenario.tcps.iter().map(|tcp| (tcp.forward.hops[0].1, tcp.backward.hops[0].1)).collect();
        assert_eq!(ways, [(0, 1), (1, 0)]);
    }

    #[test]
    fn an_error_names_the_line_or_the_field() {
        for (from, to, part) in [
            ("capacity = 500", "capacty = 500", "line 3: unknown field `capacty`"),
            ("capacity = 500", "capacity = \"fast\"", "line 3: capacity is a number of kbit/s"),
            ("capacity = 500", "capacity = [[1, 500]]", "`forward.capacity` needs a first step"),
            ("capacity = 500", "capacity = [[0, 5], [0, 6]]", "`forward.capacity[1]` is not later"),
            ("capacity = 500", "capacity = 0", "`forward.capacity` is zero for ever"),
            ("capacity = 500", "capacity = 500\nloss = 20", "`forward.loss` is 20"),
            ("capacity = 500", "capacity = 500\nloss = 0.6\nburst = 1.2", "lose at most 0.545 of all"),
            ("capacity = 500", "capacity = [[0, 5], [10, 6]]", "line 3: `forward.capacity[1]` is at 10 s"),
            ("\"video\"", "\"video\"\npauses = [[3, 3]]", "`flow[0].pauses[0]` is [3, 3]"),
            ("\"video\"", "\"video\"\npauses = [[4, 3]]", "`flow[0].pauses[0]` is 3"),
            ("\"video\"", "\"video\"\npauses = [[3, 5], [4, 6]]", "`flow[0].pauses[1]` begins before"),
            ("\"video\"", "\"video\"\npauses = [[5, 6], [3, 4]]", "`flow[0].pauses[1]` begins before"),
            ("\"video\"", "\"video\"\nstart = 4\npauses = [[3, 5]]", "`flow[0].pauses[0]` is 3"),
            ("capacity = 500", "capacity = 500\nqueue = \"red\"", "line 4: unknown variant `red`"),
            ("seconds = 10", "seconds = -1", "`seconds` is -1"),
            ("seconds = 10", "seconds = 10\nseeds = 0", "`seeds` is 0"),
            ("\"video\"", "\"video\"\nend = 11", "`flow[0].end` is 11"),
            ("\"video\"", "\"video\"\nweight = 100", "`flow[0].weight` is 100"),
            ("[[flow]]\nmedia = \"video\"", "flow = []", "line"),
        ] {
            let error = parse(&PLAIN.replace(from, to)).expect_err(to).to_string();
            assert!(error.contains(part), "{to}: {error}");
        }
        assert!(parse("").is_err_and(|error| error.to_string().contains("missing field")));
    }
}
