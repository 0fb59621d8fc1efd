//! The packages: built from the program under test, installed into a root of their own, upgraded, removed.
//!
//! What needs a running systemd (enable, start, restart on upgrade) is not tried here: maintainers' scripts
//! leave it alone in a root that isn't the machine's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::scratch::Scratch;

const BINARY: &str = env!("CARGO_BIN_EXE_jetkeeper");
const CONFIG: &str = "etc/jetkeeper/jetkeeper.yaml";
const MINE: &str = "sources: [{name: mine, directory: {path: jobs}}]\n";

/// Runs a tool and returns what it printed.
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // What is tried here may be large: the program under test is built for debuggers.
        .env("LEVEL", "1")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; run `scripts/tools`"));
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{program} {args:?}:\n{printed}{said}"
    );
    printed
}

/// A root that packages are installed into.
struct Root {
    scratch: Scratch,
}

impl Root {
    fn new() -> Self {
        let scratch = Scratch::new();
        for directory in ["root/var/lib/dpkg/info", "root/var/lib/dpkg/updates"] {
            fs::create_dir_all(scratch.path().join(directory)).unwrap();
        }
        scratch.write("root/var/lib/dpkg/status", "");
        Self { scratch }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.scratch.path().join("root").join(path)
    }

    fn build(&self, script: &str, version: &str) -> String {
        let out = self.scratch.path().join("packages");
        let package = run(script, &[BINARY, out.to_str().unwrap(), version]);
        package.trim().to_owned()
    }

    fn dpkg(&self, args: &[&str]) -> String {
        let root = format!("--root={}", self.path("").display());
        let usual = [
            &*root,
            "--force-depends",
            "--force-not-root",
            "--force-script-chrootless",
        ];
        let log = ["--log=/dev/null", "--force-confdef", "--force-confold"];
        run("dpkg", &[&usual, &log[..], args].concat())
    }

    fn rpm(&self, args: &[&str]) -> String {
        let root = self.path("");
        let usual = ["--root", root.to_str().unwrap(), "--nodeps", "--noscripts"];
        run("rpm", &[&usual, args].concat())
    }

    /// What every package puts there.
    fn has_it_all(&self, units: &str) {
        let installed = self.path("usr/bin/jetkeeper");
        let version = run(installed.to_str().unwrap(), &["--version"]);
        assert_eq!(
            version,
            format!("jetkeeper {}\n", env!("CARGO_PKG_VERSION"))
        );
        for path in [
            &format!("{units}/jetkeeper.service"),
            "etc/jetkeeper/jobs",
            "usr/share/man/man1/jetkeeper.1.gz",
            "usr/share/man/man1/jetkeeper-run.1.gz",
            "usr/share/bash-completion/completions/jetkeeper",
            "usr/share/zsh/vendor-completions/_jetkeeper",
            "usr/share/fish/vendor_completions.d/jetkeeper.fish",
            "usr/share/doc/jetkeeper/copyright",
            "usr/share/doc/jetkeeper/third-party-licences.txt",
            "usr/share/doc/jetkeeper/jetkeeper.cdx.json",
            "usr/share/doc/jetkeeper/operations.md",
            "usr/share/doc/jetkeeper/monitoring/jetkeeper.rules.yaml",
        ] {
            assert!(self.path(path).exists(), "{path} is missing");
        }
        let default = fs::read_to_string(self.path(CONFIG)).unwrap();
        assert_eq!(
            default,
            fs::read_to_string("systemd/jetkeeper.yaml").unwrap()
        );
        let unit = fs::read_to_string(self.path(&format!("{units}/jetkeeper.service"))).unwrap();
        assert!(unit.contains("ExecStart=/usr/bin/jetkeeper run\n"));
        assert_eq!(self.checked(), 0, "what is shipped can be used");
    }

    /// The exit code of a check of the configuration that is installed.
    fn checked(&self) -> i32 {
        let config = self.path(CONFIG);
        let output = Command::new(self.path("usr/bin/jetkeeper"))
            .args([
                "--config",
                config.to_str().unwrap(),
                "--state",
                "/nowhere",
                "config",
                "check",
            ])
            .output();
        output.unwrap().status.code().unwrap()
    }

    /// What a user did since it was installed.
    fn use_it(&self) {
        fs::write(self.path(CONFIG), MINE).unwrap();
        fs::create_dir_all(self.path("var/lib/jetkeeper")).unwrap();
        fs::write(self.path("var/lib/jetkeeper/records"), "state").unwrap();
    }

    fn assert_kept(&self, path: &str, content: &str) {
        let there =
            fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(there, content, "{path}");
    }
}

#[test]
fn the_deb_installs_upgrades_and_goes_and_keeps_what_is_yours() {
    let root = Root::new();
    let (first, second) = (
        root.build("scripts/deb", "1.0.0"),
        root.build("scripts/deb", "1.1.0"),
    );
    let depends = run("dpkg-deb", &["--field", &first, "Depends"]);
    assert!(
        depends.contains("libc6 (>= ") && depends.contains("ca-certificates"),
        "{depends}"
    );
    let owners = run("dpkg-deb", &["--contents", &first]);
    assert!(
        owners.lines().all(|line| line.contains(" root/root ")),
        "{owners}"
    );

    let told = root.dpkg(&["--install", &first]);
    assert!(told.contains("systemctl enable --now jetkeeper"), "{told}");
    root.has_it_all("lib/systemd/system");
    root.use_it();
    let told = root.dpkg(&["--install", &second]);
    assert!(!told.contains("not started"), "{told}");
    root.assert_kept(CONFIG, MINE);
    root.assert_kept("var/lib/jetkeeper/records", "state");
    assert_eq!(root.checked(), 0);

    root.dpkg(&["--remove", "jetkeeper"]);
    assert!(!root.path("usr/bin/jetkeeper").exists());
    root.assert_kept(CONFIG, MINE);
    let told = root.dpkg(&["--purge", "jetkeeper"]);
    assert!(!root.path(CONFIG).exists());
    root.assert_kept("var/lib/jetkeeper/records", "state");
    assert!(
        told.contains("the state of jetkeeper is left in "),
        "{told}"
    );
}

#[test]
fn the_rpm_installs_upgrades_and_goes_and_keeps_what_is_yours() {
    let root = Root::new();
    let (first, second) = (
        root.build("scripts/rpm", "1.0.0"),
        root.build("scripts/rpm", "1.1.0"),
    );
    assert!(Path::new(&first).is_file() && second.contains("1.1.0"));
    root.rpm(&["--install", &first]);
    root.has_it_all("usr/lib/systemd/system");
    root.use_it();
    root.rpm(&["--upgrade", &second]);
    root.assert_kept(CONFIG, MINE);
    root.assert_kept("var/lib/jetkeeper/records", "state");
    assert_eq!(root.checked(), 0);

    root.rpm(&["--erase", "jetkeeper"]);
    assert!(!root.path("usr/bin/jetkeeper").exists());
    root.assert_kept(&format!("{CONFIG}.rpmsave"), MINE);
    root.assert_kept("var/lib/jetkeeper/records", "state");
}

#[test]
fn the_tarball_has_what_packages_have_and_tells_what_is_in_it() {
    let root = Root::new();
    let tarball = root.build("scripts/tarball", "1.0.0");
    let name = Path::new(&tarball).file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("jetkeeper-1.0.0-linux-"), "{name}");
    let listed = run(
        "tar",
        &["--list", "--verbose", "--numeric-owner", "-f", &tarball],
    );
    let odd = |line: &&str| !line.contains(" 0/0 ") || !line.contains(" jetkeeper-1.0.0/");
    assert_eq!(listed.lines().find(odd), None, "root's, in one directory");
    // A /lib of its own would take the place of the link that most systems have there.
    assert!(!listed.contains(" jetkeeper-1.0.0/lib"), "{listed}");
    let into = root.path("");
    let strip = ["--strip-components=1", "-C", into.to_str().unwrap()];
    run(
        "tar",
        &[&["--extract", "-f", &tarball], &strip[..]].concat(),
    );
    root.has_it_all("usr/lib/systemd/system");

    let out = Path::new(&tarball).parent().unwrap();
    let sums = fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 2, "{sums}");
    assert!(sums.contains(name), "{sums}");
    let check = format!(
        "cd '{}' && sha256sum --check --strict SHA256SUMS",
        out.display()
    );
    run("sh", &["-c", &check]);
}

/// What the bill of materials has to say of each part, and that it says it of all that Cargo.lock has.
#[test]
fn the_bill_of_materials_names_each_part_with_version_licence_and_checksum() {
    let bill: serde_json::Value = serde_json::from_str(&run("scripts/sbom", &[])).unwrap();
    assert_eq!(
        (&bill["bomFormat"], &bill["specVersion"]),
        (&"CycloneDX".into(), &"1.5".into())
    );
    let lock = fs::read_to_string("Cargo.lock").unwrap();
    let parts = bill["components"].as_array().unwrap();
    let mut known: Vec<&str> = Vec::new();
    for part in parts {
        let text = |key: &str| part[key].as_str().unwrap();
        let (name, version) = (text("name"), text("version"));
        let sum = part["hashes"][0]["content"].as_str().unwrap();
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        let (_, rest) = lock.split_once(&locked).unwrap();
        assert!(rest.contains(&format!("checksum = \"{sum}\"")), "{name}");
        assert!(part["licenses"][0]["expression"].is_string(), "{name}");
        assert_eq!(text("purl"), format!("pkg:cargo/{name}@{version}"));
        known.push(text("bom-ref"));
    }
    let names: Vec<&str> = parts
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    for (name, linked) in [
        ("tokio", true),
        ("libgit2-sys", true),
        ("insta", false),
        ("proptest", false),
    ] {
        assert_eq!(names.contains(&name), linked, "{name}");
    }
    for entry in bill["dependencies"].as_array().unwrap() {
        let needs = entry["dependsOn"].as_array().unwrap().iter();
        for part in needs {
            assert!(known.contains(&part.as_str().unwrap()), "{part}");
        }
    }
}

#[test]
fn the_licences_of_all_that_is_linked_are_shipped_c_libraries_included() {
    let licences = run("scripts/licences", &[]);
    for part in ["\ntokio ", "\nlibgit2-sys ", "\naws-lc-sys "] {
        assert!(licences.contains(part), "{part:?}");
    }
    assert!(licences.contains("libgit2 is Copyright (C) the libgit2 contributors"));
    assert!(licences.contains("Permission is hereby granted, free of charge"));
}
