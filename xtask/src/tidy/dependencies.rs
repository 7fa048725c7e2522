//! Who may depend on whom: the leaves are strangers to one another, and only the facade knows all.

use serde_json::Value;

use super::Finding;
use super::tree::{File, Tree};

/// What a crate of the workspace may name among its dependencies.
struct Rule {
    name: &'static str,
    /// Crates of the workspace, in `[dependencies]`, without `p2pvoip-`.
    house: &'static [&'static str],
    /// More of them, in `[dev-dependencies]`.
    tests: &'static [&'static str],
    /// Crates of others, in `[dependencies]`; `None` allows any.
    others: Option<&'static [&'static str]>,
}

const fn leaf(name: &'static str) -> Rule {
    Rule { name, house: &["core"], tests: &["sim"], others: None }
}

/// The leaves, and what the facade knows besides.
const FACADE_KNOWS: &[&str] =
    &["cc", "codec-opus", "core", "crypto", "dht", "media", "nat", "signal", "telemetry"];

/// What is fuzzed: whatever reads bytes of others, the facade and the server included.
const FUZZ_KNOWS: &[&str] =
    &["", "cc", "codec-opus", "core", "crypto", "dht", "media", "nat", "rendezvous", "signal"];

/// What is measured: the leaves, and whole calls in the simulated network.
const BENCHES_KNOW: &[&str] =
    &["", "cc", "codec-opus", "core", "crypto", "media", "nat", "rendezvous", "sim"];

/// Every crate of the workspace (the picture is in docs/ARCHITECTURE.md). A crate without a row is a finding.
const RULES: &[Rule] = &[
    Rule { name: "p2pvoip-core", house: &[], tests: &[], others: Some(&[]) },
    Rule { others: Some(&[]), ..leaf("p2pvoip-cc") },
    leaf("p2pvoip-crypto"),
    leaf("p2pvoip-dht"),
    leaf("p2pvoip-media"),
    leaf("p2pvoip-nat"),
    leaf("p2pvoip-signal"),
    leaf("p2pvoip-telemetry"),
    Rule { tests: &[], ..leaf("p2pvoip-sim") },
    Rule { house: &["core", "media"], ..leaf("p2pvoip-codec-opus") },
    Rule { house: &["core", "signal"], ..leaf("p2pvoip-rendezvous") },
    Rule { name: "p2pvoip", house: FACADE_KNOWS, tests: &["sim", "rendezvous"], others: None },
    Rule { name: "p2pvoip-cli", house: &["", "rendezvous"], tests: &[], others: None },
    Rule { name: "p2pvoip-fuzz", house: FUZZ_KNOWS, tests: &[], others: None },
    Rule { name: "p2pvoip-benches", house: &[], tests: BENCHES_KNOW, others: None },
    Rule { name: "p2pvoip-cc-suite", house: &["cc", "core", "sim"], tests: &[], others: None },
    Rule { name: "p2pvoip-constant-time", house: &["core", "crypto"], tests: &[], others: None },
    Rule { name: "public-api-lines", house: &[], tests: &[], others: None },
    Rule { name: "xtask", house: &[], tests: &[], others: Some(&["serde_json"]) },
];

/// Crates that each carry a libopus; two of them in one program would clash.
const LIBOPUS_OWNERS: [&str; 2] = ["audiopus_sys", "opusic-sys"];

/// A package of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    name: String,
    manifest: String,
    needs: Vec<Dependency>,
}

#[derive(Clone, Debug)]
struct Dependency {
    name: String,
    for_tests: bool,
    in_house: bool,
}

/// The packages in what `cargo metadata --no-deps` wrote.
pub(crate) fn packages(metadata: &Value) -> Vec<Package> {
    let root = text(metadata, "workspace_root");
    list(metadata, "packages").map(|package| to_package(package, root)).collect()
}

fn to_package(package: &Value, root: &str) -> Package {
    let manifest = text(package, "manifest_path");
    let relative = manifest.strip_prefix(root).unwrap_or(manifest).trim_start_matches(['/', '\\']);
    let needs = list(package, "dependencies").map(|dependency| Dependency {
        name: text(dependency, "name").to_owned(),
        for_tests: text(dependency, "kind") == "dev",
        in_house: !text(dependency, "path").is_empty(),
    });
    Package {
        name: text(package, "name").to_owned(),
        manifest: relative.replace('\\', "/"),
        needs: needs.collect(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Judges the packages by the rules, and the lock file for a second libopus.
pub(crate) fn check(packages: &[Package], tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(rule) = RULES.iter().find(|rule| rule.name == package.name) else {
            let what = "the crate has no rule; say in xtask/src/tidy/dependencies.rs whom it may depend on";
            findings.push(Finding::new(&package.manifest, 1, what));
            continue;
        };
        for dependency in package.needs.iter().filter(|dependency| !is_allowed(rule, dependency)) {
            let line = line_of(tree, &package.manifest, dependency);
            findings.push(Finding::new(&package.manifest, line, complaint(rule, dependency)));
        }
    }
    findings.extend(one_libopus(tree));
    findings
}

fn is_allowed(rule: &Rule, dependency: &Dependency) -> bool {
    let name = dependency.name.as_str();
    if !dependency.in_house {
        return dependency.for_tests || rule.others.is_none_or(|others| others.contains(&name));
    }
    let is = |short: &&str| {
        name.strip_prefix("p2pvoip").is_some_and(|rest| rest.trim_start_matches('-') == *short)
    };
    rule.house.iter().any(is) || (dependency.for_tests && rule.tests.iter().any(is))
}

fn complaint(rule: &Rule, dependency: &Dependency) -> String {
    let Rule { name, house, tests, .. } = rule;
    let needed = &dependency.name;
    if !dependency.in_house {
        return format!("{name} may not depend on {needed}; it is kept free of other people's crates");
    }
    if !dependency.for_tests && tests.iter().any(|test| needed.ends_with(test)) {
        return format!("{name} may need {needed} in its tests alone; move it to [dev-dependencies]");
    }
    let known: Vec<String> =
        house.iter().map(|short| format!("p2pvoip-{short}").trim_end_matches('-').to_owned()).collect();
    let known = if known.is_empty() {
        "none of the workspace".to_owned()
    } else {
        format!("only {}", known.join(", "))
    };
    format!("{name} may not depend on {needed}; it knows {known}: let the facade compose them")
}

/// Where the manifest names the dependency in the right table.
fn line_of(tree: &Tree, manifest: &str, dependency: &Dependency) -> usize {
    let mut in_tests = false;
    for (number, line) in tree.file(manifest).into_iter().flat_map(File::lines) {
        if line.starts_with('[') {
            in_tests = line.contains("dev-dependencies");
        }
        let names = line.strip_prefix(&dependency.name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        if names && in_tests == dependency.for_tests {
            return number;
        }
    }
    1
}

fn one_libopus(tree: &Tree) -> Option<Finding> {
    let lock = tree.file("Cargo.lock")?;
    let owners: Vec<(usize, &str)> = lock
        .lines()
        .filter(|(_, line)| LIBOPUS_OWNERS.iter().any(|owner| *line == format!("name = \"{owner}\"")))
        .collect();
    let (second, _) = owners.get(1)?;
    let what = format!(
        "{} each carry a libopus; keep one codec backend in the workspace",
        LIBOPUS_OWNERS.join(" and ")
    );
    Some(Finding::new("Cargo.lock", *second, what))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A package with dependencies written as `name`, `dev name`, or with a star where they are of the workspace.
    fn package(name: &str, needs: &[&str]) -> Value {
        let dependency = |words: &&str| {
            let (kind, name) =
                words.strip_prefix("dev ").map_or((Value::Null, *words), |name| (json!("dev"), name));
            match name.strip_suffix('*') {
                Some(name) => json!({ "name": name, "kind": kind, "path": format!("/house/crates/{name}") }),
                None => json!({ "name": name, "kind": kind }),
            }
        };
        let needs: Vec<Value> = needs.iter().map(dependency).collect();
        json!({ "name": name, "manifest_path": format!("/house/crates/{name}/Cargo.toml"), "dependencies": needs })
    }

    fn found(name: &str, needs: &[&str]) -> Vec<String> {
        let metadata = json!({ "workspace_root": "/house", "packages": [package(name, needs)] });
        check(&packages(&metadata), &Tree::default()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_picture_shows_is_allowed() {
        for (name, needs) in [
            ("p2pvoip-core", &["dev proptest"][..]),
            ("p2pvoip-cc", &["p2pvoip-core*", "dev p2pvoip-sim*", "dev proptest"]),
            ("p2pvoip-nat", &["p2pvoip-core*", "stun-rs", "dev p2pvoip-sim*"]),
            ("p2pvoip-codec-opus", &["p2pvoip-core*", "p2pvoip-media*", "audiopus"]),
            ("p2pvoip-rendezvous", &["p2pvoip-signal*", "tokio"]),
            ("p2pvoip", &["p2pvoip-nat*", "p2pvoip-cc*", "tokio", "dev p2pvoip-rendezvous*"]),
            ("p2pvoip-cli", &["p2pvoip*", "p2pvoip-rendezvous*", "clap"]),
            ("xtask", &["serde_json"]),
        ] {
            assert_eq!(found(name, needs), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn leaves_are_strangers() {
        let findings = found("p2pvoip-signal", &["p2pvoip-core*", "p2pvoip-crypto*"]);
        assert!(
            matches!(findings.as_slice(), [one] if one.contains("may not depend on p2pvoip-crypto")),
            "{findings:?}"
        );
        assert_eq!(found("p2pvoip-signal", &["dev p2pvoip-crypto*"]).len(), 1, "in tests neither");
        assert_eq!(found("p2pvoip-nat", &["p2pvoip*"]).len(), 1, "nor on the facade");
    }

    #[test]
    fn sim_is_for_tests() {
        let findings = found("p2pvoip-media", &["p2pvoip-sim*"]);
        assert!(matches!(findings.as_slice(), [one] if one.contains("[dev-dependencies]")), "{findings:?}");
        assert_eq!(found("p2pvoip-sim", &["p2pvoip-core*", "p2pvoip-nat*"]).len(), 1);
    }

    #[test]
    fn core_and_cc_are_free_of_other_peoples_crates() {
        assert_eq!(found("p2pvoip-core", &["thiserror"]).len(), 1);
        assert_eq!(found("p2pvoip-cc", &["p2pvoip-core*", "libm"]).len(), 1);
        assert_eq!(found("p2pvoip-core", &["dev p2pvoip-sim*"]).len(), 1, "sim is built upon core");
    }

    #[test]
    fn xtask_links_no_crate_of_the_workspace() {
        assert_eq!(found("xtask", &["p2pvoip-core*", "dev p2pvoip-sim*", "clap"]).len(), 3);
    }

    #[test]
    fn a_crate_without_a_rule_is_found() {
        assert!(matches!(found("p2pvoip-video", &[]).as_slice(), [one] if one.contains("no rule")));
    }

    #[test]
    fn a_finding_stands_at_the_line_of_its_table() {
        let metadata =
            json!({ "workspace_root": "/house", "packages": [package("p2pvoip-nat", &["dev p2pvoip-cc*"])] });
        let text = "[dependencies]\np2pvoip-cc-x = 1\n\n[dev-dependencies]\np2pvoip-cc.workspace = true\n";
        let tree = Tree::of(&[("crates/p2pvoip-nat/Cargo.toml", text)]);
        let findings = check(&packages(&metadata), &tree);
        assert!(matches!(findings.as_slice(), [one] if one.line == 5), "{findings:?}");
    }

    #[test]
    fn a_second_libopus_is_found() {
        let lock = |names: &[&str]| -> String {
            names.iter().flat_map(|name| ["name = \"", name, "\"\n"]).collect()
        };
        let check = |names: &[&str]| one_libopus(&Tree::of(&[("Cargo.lock", &lock(names))]));
        assert_eq!(check(&["audiopus_sys", "ring"]), None);
        assert!(check(&["audiopus_sys", "ring", "opusic-sys"]).is_some_and(|finding| finding.line == 3));
    }
}
