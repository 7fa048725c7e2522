//! The system packages that a build needs, and how each package manager brings them.
//!
//! libopus is built from its bundled source: that takes cmake, a C compiler and make; pkg-config serves the crates that
//! look for system libraries; on Linux one of them is ALSA, for microphones and speakers. What is missing is installed where that needs no password; otherwise the exact command
//! is shown.

use std::process::{Command, Stdio};

use crate::exit::Exit;
use crate::paint::Paint;

/// Something a build needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Configures the build of libopus.
    Cmake,
    /// Finds system libraries.
    PkgConfig,
    /// Compiles libopus and ring's C.
    Compiler,
    /// Runs what cmake wrote.
    Make,
    /// The headers of ALSA, on Linux alone.
    Alsa,
}

impl Need {
    /// In the order in which they are asked for: pkg-config knows of what comes after it.
    const ALL: [Self; 5] = [Self::Cmake, Self::PkgConfig, Self::Compiler, Self::Make, Self::Alsa];

    /// Whether this system has it at all.
    const fn is_of(self, linux: bool) -> bool {
        linux || !matches!(self, Self::Alsa)
    }

    /// The programs of which one must be there, or the command lines of which one must go well.
    const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Cmake => &["cmake"],
            Self::PkgConfig => &["pkg-config", "pkgconf"],
            Self::Compiler => &["cc", "gcc", "clang"],
            Self::Make => &["make", "gmake"],
            Self::Alsa => &["pkg-config --exists alsa", "pkgconf --exists alsa"],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Cmake => "cmake",
            Self::PkgConfig => "pkg-config",
            Self::Compiler => "a C compiler",
            Self::Make => "make",
            Self::Alsa => "the headers of ALSA",
        }
    }
}

/// A program that installs packages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Installer {
    /// Debian, Ubuntu.
    AptGet,
    /// Fedora.
    Dnf,
    /// Arch.
    Pacman,
    /// openSUSE.
    Zypper,
    /// Alpine.
    Apk,
    /// macOS; it installs for the user and refuses to run as root.
    Brew,
}

impl Installer {
    const ALL: [Self; 6] = [Self::AptGet, Self::Dnf, Self::Pacman, Self::Zypper, Self::Apk, Self::Brew];

    const fn program(self) -> &'static str {
        match self {
            Self::AptGet => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
            Self::Apk => "apk",
            Self::Brew => "brew",
        }
    }

    /// What it calls a need. Brew has no compiler of its own: Apple's comes with the command line tools.
    const fn package(self, need: Need) -> Option<&'static str> {
        Some(match (self, need) {
            (_, Need::Cmake) => "cmake",
            (Self::AptGet | Self::Zypper, Need::PkgConfig) => "pkg-config",
            (Self::Dnf, Need::PkgConfig) => "pkgconf-pkg-config",
            (Self::Pacman | Self::Apk | Self::Brew, Need::PkgConfig) => "pkgconf",
            (Self::AptGet, Need::Compiler | Need::Make) => "build-essential",
            (Self::Pacman, Need::Compiler | Need::Make) => "base-devel",
            (Self::Apk, Need::Compiler | Need::Make) => "build-base",
            (Self::Dnf | Self::Zypper, Need::Compiler) => "gcc",
            (Self::Dnf | Self::Zypper, Need::Make) => "make",
            (Self::AptGet, Need::Alsa) => "libasound2-dev",
            (Self::Dnf, Need::Alsa) => "alsa-lib-devel",
            (Self::Pacman, Need::Alsa) => "alsa-lib",
            (Self::Zypper, Need::Alsa) => "alsa-devel",
            (Self::Apk, Need::Alsa) => "alsa-lib-dev",
            (Self::Brew, Need::Compiler | Need::Make | Need::Alsa) => return None,
        })
    }

    /// The words that install without a question.
    const fn install(self) -> &'static str {
        match self {
            Self::AptGet => "apt-get install -y --no-install-recommends",
            Self::Dnf => "dnf install -y",
            Self::Pacman => "pacman -S --needed --noconfirm",
            Self::Zypper => "zypper --non-interactive install",
            Self::Apk => "apk add",
            Self::Brew => "brew install",
        }
    }

    const fn wants_root(self) -> bool {
        !matches!(self, Self::Brew)
    }
}

/// What this user may do without being asked for a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rights {
    /// Everything.
    Root,
    /// Everything, by `sudo -n`.
    Sudo,
    /// Nothing of the system's.
    Plain,
}

/// The command lines that bring what is missing, and whether they may be run unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    lines: Vec<String>,
    unasked: bool,
}

/// How `installer` brings `missing` for a user with these rights.
pub(crate) fn plan(installer: Installer, missing: &[Need], rights: Rights) -> Plan {
    let mut packages: Vec<&str> = missing.iter().filter_map(|need| installer.package(*need)).collect();
    packages.dedup();
    let before = match (installer.wants_root(), rights) {
        (false, _) | (true, Rights::Root) => "",
        (true, Rights::Sudo) => "sudo -n ",
        (true, Rights::Plain) => "sudo ",
    };
    let mut lines = Vec::new();
    if !packages.is_empty() {
        if installer == Installer::AptGet {
            lines.push(format!("{before}apt-get update"));
        }
        lines.push(format!("{before}{} {}", installer.install(), packages.join(" ")));
    }
    let by_hand = missing.iter().any(|need| installer.package(*need).is_none());
    if by_hand {
        // It opens a window, so it is the user who starts it.
        lines.push("xcode-select --install".to_owned());
    }
    let allowed = !installer.wants_root() || rights != Rights::Plain;
    Plan { lines, unasked: allowed && !by_hand }
}

/// What of the needs of this system is not there, as `is_there` sees it.
pub(crate) fn missing(linux: bool, is_there: impl Fn(&str) -> bool) -> Vec<Need> {
    let needs = Need::ALL.into_iter().filter(|need| need.is_of(linux));
    needs.filter(|need| !need.programs().iter().any(|program| is_there(program))).collect()
}

/// Makes sure that everything is there: installs what is missing, or says how that is done.
pub(crate) fn ensure(paint: Paint) -> Result<(), Exit> {
    let linux = cfg!(target_os = "linux");
    let absent = missing(linux, starts);
    if absent.is_empty() {
        return Ok(());
    }
    println!("{} {}", paint.yellow("missing:"), names(&absent));
    let Some(installer) = Installer::ALL.into_iter().find(|installer| starts(installer.program())) else {
        println!("No package manager known to xtask was found: install these, then try again.");
        return Err(Exit::PackagesMissing);
    };
    let plan = plan(installer, &absent, rights());
    if plan.unasked
        && plan.lines.iter().all(|line| installed_by(line, paint))
        && missing(linux, starts).is_empty()
    {
        return Ok(());
    }
    println!("Install them, then try again:\n\n    {}\n", plan.lines.join(" && "));
    Err(Exit::PackagesMissing)
}

fn names(needs: &[Need]) -> String {
    needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ")
}

/// Runs one line of a plan and tells whether it went well.
fn installed_by(line: &str, paint: Paint) -> bool {
    println!("{} {line}", paint.bold("running:"));
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else { return false };
    let mut command = Command::new(program);
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether the program is there and works (a Mac without its command line tools has a `cc` that only asks for them), or the command
/// line goes well.
fn starts(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [program] => quiet(program, &["--version"]),
        [program, arguments @ ..] => quiet(program, arguments),
        [] => false,
    }
}

fn rights() -> Rights {
    let id = Command::new("id").arg("-u").stdin(Stdio::null()).output();
    if id.is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
        Rights::Root
    } else if quiet("sudo", &["-n", "true"]) {
        Rights::Sudo
    } else {
        Rights::Plain
    }
}

/// Whether the program can be started and ends well.
fn quiet(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missing_where_every_program_is_there() {
        assert_eq!(missing(true, |_| true), []);
    }

    #[test]
    fn one_of_several_programs_is_enough() {
        let there = ["cmake", "pkgconf", "clang", "make", "pkgconf --exists alsa"];
        assert_eq!(missing(true, |program| there.contains(&program)), []);
        let most = [Need::Cmake, Need::PkgConfig, Need::Compiler];
        assert_eq!(missing(false, |program| program == "make"), most);
    }

    #[test]
    fn the_headers_of_alsa_are_missed_on_linux_alone() {
        let all_but_alsa = |line: &str| !line.contains("alsa");
        assert_eq!(missing(true, all_but_alsa), [Need::Alsa]);
        assert_eq!(missing(false, all_but_alsa), []);
        assert!(!starts("pkg-config --exists p2pvoip-no-such-library"));
    }

    #[test]
    fn root_on_debian_updates_then_installs_each_package_once() {
        let plan = plan(Installer::AptGet, &Need::ALL, Rights::Root);
        let install =
            "apt-get install -y --no-install-recommends cmake pkg-config build-essential libasound2-dev";
        assert_eq!(plan.lines, ["apt-get update", install]);
        assert!(plan.unasked);
    }

    #[test]
    fn sudo_is_used_where_it_asks_for_no_password() {
        let plan = plan(Installer::Dnf, &[Need::Compiler, Need::Make], Rights::Sudo);
        assert_eq!(plan, Plan { lines: vec!["sudo -n dnf install -y gcc make".to_owned()], unasked: true });
    }

    #[test]
    fn without_rights_the_command_is_shown_and_not_run() {
        for installer in Installer::ALL.into_iter().filter(|installer| installer.wants_root()) {
            let plan = plan(installer, &[Need::Cmake], Rights::Plain);
            assert!(!plan.unasked, "{installer:?}");
            assert!(plan.lines.iter().all(|line| line.starts_with("sudo ")), "{plan:?}");
            assert!(plan.lines.iter().any(|line| line.ends_with(" cmake")), "{plan:?}");
        }
    }

    #[test]
    fn brew_installs_for_the_user_and_never_by_sudo() {
        for rights in [Rights::Root, Rights::Sudo, Rights::Plain] {
            let plan = plan(Installer::Brew, &[Need::Cmake, Need::PkgConfig], rights);
            assert_eq!(plan, Plan { lines: vec!["brew install cmake pkgconf".to_owned()], unasked: true });
        }
    }

    #[test]
    fn the_compiler_of_a_mac_is_left_to_the_user() {
        let plan = plan(Installer::Brew, &[Need::Compiler, Need::Make], Rights::Plain);
        assert_eq!(plan, Plan { lines: vec!["xcode-select --install".to_owned()], unasked: false });
    }

    #[test]
    fn every_manager_but_brew_has_a_package_for_every_need() {
        for installer in Installer::ALL.into_iter().filter(|installer| *installer != Installer::Brew) {
            for need in Need::ALL {
                assert!(installer.package(need).is_some(), "{installer:?} {need:?}");
            }
        }
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_start() {
        assert!(!starts("p2pvoip-no-such-program"));
    }
}
