//! The unit file, by `systemd-analyze`.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::scratch::Scratch;
use crate::support::sources::read;

const UNIT: &str = "systemd/jetkeeper.service";
const DROP_IN: &str = "systemd/jetkeeper.service.d/notify-reload.conf";

/// The first systemd that knows `Type=notify-reload`.
const KNOWS_NOTIFY_RELOAD: u32 = 253;

fn analyze(args: &[&str]) -> Output {
    Command::new("systemd-analyze")
        .args(args)
        .env("SYSTEMD_PAGER", "")
        .output()
        .expect("systemd-analyze (package systemd) judges the unit: run `scripts/tools`")
}

/// The unit as it would be installed, but for the program, which is the one under test.
fn installed(scratch: &Scratch) -> String {
    let unit = read(Path::new(UNIT));
    let here = unit.replace("/usr/bin/jetkeeper", env!("CARGO_BIN_EXE_jetkeeper"));
    assert_ne!(here, unit, "the unit runs what a package installs");
    let here = here.replace("Documentation=man:jetkeeper(1)\n", "");
    let path = scratch.write("jetkeeper.service", here);
    path.to_str().unwrap().to_owned()
}

/// What `systemd-analyze verify` has to say.
fn verified(unit: &str) -> String {
    let output = analyze(&["verify", "--recursive-errors=no", unit]);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn version() -> u32 {
    let text = String::from_utf8(analyze(&["--version"]).stdout).unwrap();
    let number = text.split_whitespace().nth(1).unwrap();
    number.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    let scratch = Scratch::new();
    assert_eq!(verified(&installed(&scratch)), "");
}

#[test]
fn a_systemd_that_knows_notify_reload_takes_the_drop_in() {
    let scratch = Scratch::new();
    let unit = installed(&scratch);
    let drop_in = read(Path::new(DROP_IN));
    scratch.write("jetkeeper.service.d/notify-reload.conf", &drop_in);
    let said = verified(&unit);
    if version() >= KNOWS_NOTIFY_RELOAD {
        assert_eq!(said, "");
    } else {
        // An older one names just these two, and goes on with the unit's own type.
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].contains("notify-reload"), "{said}");
        assert!(lines[1].contains("ReloadSignal"), "{said}");
    }
}

#[test]
fn little_of_the_machine_is_open_to_the_service() {
    let output = analyze(&["security", "--offline=true", "--threshold=15", UNIT]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "an exposure above 1.5; {report}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(report.contains("Overall exposure level"), "{report}");
}

/// The program's memory is what the unit says: it knows the variable, and all that is in it.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_allocator_understands_the_unit() {
    let name = "_RJEM_MALLOC_CONF";
    let unit = read(Path::new(UNIT));
    let line = unit.lines().find(|line| line.contains(name));
    let (_, settings) = line.unwrap().rsplit_once('=').unwrap();
    let says = |settings: &str| {
        let program = Command::new(env!("CARGO_BIN_EXE_jetkeeper"))
            .arg("--version")
            .env(name, settings)
            .output();
        String::from_utf8(program.unwrap().stderr).unwrap()
    };
    assert_eq!(says(settings), "");
    let misspelt = settings.replace("tcache", "cache");
    assert!(says(&misspelt).contains("jemalloc"), "{misspelt}");
}
