//! The program behind `cargo xtask cc`.

use p2pvoip_cc_suite::{cases, metrics, run};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let controller = words.get(1).map_or("oracle", String::as_str);
    let filter = words.get(2).map_or("", String::as_str);
    println!("{:9} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>6} {:>6} {:>5} {:>4} {:>5}", "case", "util", "p50", "p95", "p99", "max", "e2e99", "up", "down", "jain", "bad", "res60", "wire", "deliv", "lost", "fb", "tcp");
    let exact = std::env::var("EXACT").is_ok();
    let all: Vec<_> = (0..std::env::var("N").map_or(3, |n| n.parse().unwrap())).map(|seed| cases::all(if exact { 0 } else { seed })).collect();
    for (place, scenario) in all[0].iter().enumerate().filter(|(_, case)| case.name.starts_with(filter)) {
        let begin = std::time::Instant::now();
        let runs: Vec<_> = all.iter().enumerate().filter_map(|(seed, all)| run::once(&all[place], controller, seed as u64)).map(|run| run.0).collect();
        let m = metrics::mean(&runs);
        let t = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.2}"));
        println!("{:9} {:5.1} {:5.0} {:5.0} {:5.0} {:5.0} {:5.0} {:>5} {:>5} {:5.3} {:5.2} {:5.2} {:6.0} {:6.0} {:5.1} {:4.1} {:5.0} {:.0} ms", scenario.name, m.utilisation, m.p50, m.p95, m.p99, m.max, m.e2e_p99, t(m.up), t(m.down), m.jain, m.bad, m.residual60, m.wire, m.delivered, m.lost, m.feedback, m.tcp, begin.elapsed().as_secs_f64() * 1000.0 / 3.0);
    }
}
