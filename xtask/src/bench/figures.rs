//! What criterion measured, from the files that it leaves below `target/criterion`.

use std::path::Path;

use serde_json::Value;

/// The figures of one benchmark; times in nanoseconds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Figure {
    /// Its name.
    pub(crate) name: String,
    /// Half of the runs are quicker.
    pub(crate) median: f64,
    /// Half of the runs are nearer to the median than this.
    pub(crate) spread: f64,
    /// The bytes that one run works on.
    pub(crate) bytes: Option<f64>,
    /// The median among the figures that it is compared with.
    pub(crate) before: Option<f64>,
}

impl Figure {
    /// How many runs there are in a second.
    pub(crate) fn per_second(&self) -> f64 {
        1e9 / self.median
    }

    /// The share of a packet's 20 ms.
    pub(crate) fn share(&self) -> f64 {
        self.median / 20e6
    }

    /// How much slower it has become.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.before.map(|before| self.median / before)
    }

    /// The figure of the same work done by a library alone.
    pub(crate) fn alone<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        all.iter().find(|other| {
            other
                .name
                .strip_prefix(&self.name)
                .is_some_and(|rest| rest.starts_with('-') && rest.ends_with("-alone"))
        })
    }
}

/// The figures that were kept by the name `kept`, each beside that of `against`; sorted by name.
pub(crate) fn read(criterion: &Path, kept: &str, against: Option<&str>) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut folders = vec![criterion.to_owned()];
    while let Some(folder) = folders.pop() {
        figures.extend(figure(&folder, kept, against));
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    figures.sort_by(|a, b| a.name.cmp(&b.name));
    figures
}

/// Removes the figures of that name, so that those of benchmarks that are not run again are not taken for new ones.
pub(crate) fn forget(criterion: &Path, kept: &str) {
    let mut folders = vec![criterion.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| path.is_dir()) {
            if path.ends_with(kept) && path.join("estimates.json").is_file() {
                let _remains = std::fs::remove_dir_all(&path);
            } else {
                folders.push(path);
            }
        }
    }
}

fn figure(folder: &Path, kept: &str, against: Option<&str>) -> Option<Figure> {
    let estimates = json(&folder.join(kept).join("estimates.json"))?;
    let benchmark = json(&folder.join(kept).join("benchmark.json"))?;
    let estimate = |of: &Value, what: &str| of.get(what)?.get("point_estimate")?.as_f64();
    let before = against.and_then(|name| json(&folder.join(name).join("estimates.json")));
    Some(Figure {
        name: benchmark.get("full_id")?.as_str()?.to_owned(),
        median: estimate(&estimates, "median")?,
        spread: estimate(&estimates, "median_abs_dev").unwrap_or_default(),
        bytes: benchmark.get("throughput").and_then(|throughput| throughput.get("Bytes")?.as_f64()),
        before: before.and_then(|before| estimate(&before, "median")),
    })
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(std::path::PathBuf);

    impl Drop for Place {
        fn drop(&mut self) {
            let _left_behind = std::fs::remove_dir_all(&self.0);
        }
    }

    fn write(place: &Place, bench: &str, kept: &str, median: f64) {
        let folder = place.0.join(bench).join(kept);
        std::fs::create_dir_all(&folder).unwrap();
        let estimate = |value: f64| serde_json::json!({ "point_estimate": value });
        let estimates = serde_json::json!({ "median": estimate(median), "median_abs_dev": estimate(2.0) });
        let benchmark = serde_json::json!({ "full_id": bench, "throughput": { "Bytes": 160 } });
        std::fs::write(folder.join("estimates.json"), estimates.to_string()).unwrap();
        std::fs::write(folder.join("benchmark.json"), benchmark.to_string()).unwrap();
    }

    #[test]
    fn figures_are_found_compared_and_forgotten() {
        let place = Place(std::env::temp_dir().join(format!("xtask-{}-figures", std::process::id())));
        write(&place, "seal/aes", "last", 100.0);
        write(&place, "seal/aes", "old", 50.0);
        write(&place, "open", "old", 70.0);
        let figures = read(&place.0, "last", Some("old"));
        let [seal] = figures.as_slice() else { panic!("{figures:?}") };
        assert_eq!((seal.name.as_str(), seal.ratio(), seal.bytes), ("seal/aes", Some(2.0), Some(160.0)));
        forget(&place.0, "last");
        assert!(read(&place.0, "last", None).is_empty());
        assert_eq!(read(&place.0, "old", None).len(), 2);
    }

    #[test]
    fn the_same_work_alone_is_found_by_its_name() {
        let figure = |name: &str, median| Figure {
            name: name.to_owned(),
            median,
            spread: 0.0,
            bytes: None,
            before: None,
        };
        let all = [figure("seal/aes", 120.0), figure("seal/aes-ring-alone", 100.0), figure("open/aes", 1.0)];
        let alone = |figure: &Figure| figure.alone(&all).map(|alone| alone.name.clone());
        assert_eq!(alone(&all[0]).as_deref(), Some("seal/aes-ring-alone"));
        assert_eq!(alone(&all[1]), None);
        assert_eq!(alone(&all[2]), None);
    }
}
