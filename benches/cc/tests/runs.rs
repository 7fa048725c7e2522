//! Whole runs, short ones.

use p2pvoip_cc_suite::controllers::NAMES;
use p2pvoip_cc_suite::scenario::Scenario;
use p2pvoip_cc_suite::time::SECOND;
use p2pvoip_cc_suite::{cases, json, run, svg, table};

/// A case, cut to so many seconds.
fn cut(name: &str, seconds: u64) -> Scenario {
    let all = cases::all(0);
    let mut case = all[all.iter().position(|case| case.name == name).unwrap_or(usize::MAX)].clone();
    case.duration = seconds * SECOND;
    for flow in &mut case.flows {
        flow.end = flow.end.min(case.duration);
    }
    case
}

#[test]
fn the_same_seed_is_the_same_run_and_another_is_not() {
    for controller in NAMES {
        let case = cut("5.2", 6);
        let (first, noted) = run::once(&case, controller, 1).expect("a controller");
        let (second, again) = run::once(&case, controller, 1).expect("a controller");
        assert_eq!(first, second, "{controller}");
        assert_eq!(noted.flows[1].queued, again.flows[1].queued, "{controller}");
        let (other, _) = run::once(&case, controller, 2).expect("a controller");
        assert_ne!(first, other, "{controller}");
    }
}

#[test]
fn the_oracle_fills_95_percent_of_a_steady_link_with_a_short_queue() {
    let (metrics, _) = run::once(&cut("5.1", 30), "oracle", 0).expect("a controller");
    assert!((93.0..96.0).contains(&metrics.utilisation), "{metrics:?}");
    assert!(metrics.p95 < 45.0, "{metrics:?}");
}

#[test]
fn what_is_sent_is_delivered_or_lost() {
    let mut case = cut("loss-20", 12);
    for flow in &mut case.flows {
        flow.end = 10 * SECOND;
    }
    let (metrics, noted) = run::once(&case, "oracle", 3).expect("a controller");
    let flow = &noted.flows[0];
    let lost: u64 = flow.lost.sums().iter().sum();
    assert_eq!(flow.packets, flow.late.len() as u64 + lost);
    assert!((15.0..25.0).contains(&metrics.lost), "{}", metrics.lost);
}

#[test]
fn a_tcp_takes_what_a_fixed_flow_leaves() {
    let (metrics, _) = run::once(&cut("5.6", 20), "fixed", 0).expect("a controller");
    assert!((600.0..1_300.0).contains(&metrics.tcp), "{}", metrics.tcp);
}

#[test]
fn nobody_of_no_name_is_run() {
    assert!(run::once(&cut("a1", 1), "nobody", 0).is_none());
}

#[test]
fn outcomes_stand_in_the_order_of_cases_and_controllers() {
    let variants = vec![vec![cut("a1", 2), cut("a1", 2)], vec![cut("a8", 2)]];
    let names = ["fixed".to_owned(), "oracle".to_owned()];
    let outcomes = run::all(&variants, &names, |_| {});
    let order: Vec<(&str, &str, usize)> =
        outcomes.iter().map(|one| (one.case.as_str(), one.controller.as_str(), one.runs.len())).collect();
    assert_eq!(order, [("a1", "fixed", 2), ("a1", "oracle", 2), ("a8", "fixed", 1), ("a8", "oracle", 1)]);
    let judged = table::judge(&outcomes, "oracle");
    assert!(judged.len() > 3 && judged.iter().all(|one| one.aim.case == "a1" || one.aim.case == "a8"));
    let text = table::outcomes(&outcomes, table::Paint::off());
    // Each of the two cases has a frozen row and the best known, and two lines stand below.
    assert_eq!(text.lines().count(), 1 + outcomes.len() + 4 + 2);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let document: serde_json::Value =
        serde_json::from_str(&json::document(&outcomes, &judged, &[])).expect("JSON");
    assert_eq!(document["outcomes"][3]["controller"], "oracle");
    assert_eq!(document["aims"][0]["case"], "a1");
}

#[test]
fn a_picture_shows_each_flow_and_escapes_what_people_write() {
    let mut case = cut("a8", 3);
    case.title = "<four> & more".to_owned();
    let (_, noted) = run::once(&case, "fixed", 0).expect("a controller");
    let picture = svg::picture(&case, &[("fixed", noted)]);
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    assert!(picture.contains("&lt;four&gt; &amp; more"));
    assert!(picture.matches("stroke-width=\"1.5\"").count() >= 4);
}
