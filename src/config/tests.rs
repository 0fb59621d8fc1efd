//! The configuration: where values come from, and what is refused.

mod notifications;

use std::ffi::OsString;
use std::fs;

use tempfile::TempDir;

use super::*;

struct Scene {
    dir: TempDir,
    overrides: Overrides,
    environment: Environment,
}

impl Scene {
    /// A home, and a configuration file with this text.
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("jetkeeper.yaml");
        fs::write(&file, config).unwrap();
        let overrides = Overrides {
            config: Some(file),
            ..Overrides::default()
        };
        let environment = Environment {
            home: Some(dir.path().join("home").into_os_string()),
            host: "keeper".to_owned(),
            ..Environment::default()
        };
        Self {
            dir,
            overrides,
            environment,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.overrides, &self.environment)
    }

    fn faults(&self) -> String {
        match self.load().unwrap_err() {
            ConfigError::Faulty { faults, .. } => {
                let lines = faults.iter().map(|fault| {
                    let help = fault.help.as_deref().unwrap_or_default();
                    let Place { line, column, .. } = fault.place;
                    format!("{line}:{column}: {} | {help}", fault.message)
                });
                lines.collect::<Vec<_>>().join("\n")
            }
            other => panic!("{other:?}"),
        }
    }
}

use crate::resources::Place;

const WHOLE: &str = "
sources:
  - {name: jobs, directory: {path: jobs}}
clusters:
  hazelcast:
    clusterName: prod
    addresses: [\"10.0.0.1:5701\", member-2]
    credentials: {secretName: members}
    tls: {caFile: ca.pem, certFile: /etc/keeper.pem, keyFile: /etc/keeper.key, serverName: hz}
owner: from-file
secrets: {directory: secrets}
state: {directory: /srv/from-file}
prune: {maxDeletions: 3, maxDeletionsPercent: 50}
artifacts: {recheck: 10m}
";

#[test]
fn the_file_says_it_all() {
    let scene = Scene::new(WHOLE);
    let config = scene.load().unwrap();

    assert_eq!(config.sources.len(), 1);
    assert_eq!(config.sources[0].name.0, "jobs");
    assert_eq!(config.sources[0].directory(), Some(&*scene.path("jobs")));
    assert_eq!(
        config.clusters["hazelcast"].addresses,
        ["10.0.0.1:5701", "member-2:5701"]
    );
    let cluster = &config.clusters["hazelcast"];
    assert_eq!(cluster.cluster_name, "prod");
    assert_eq!(cluster.credentials.as_ref().unwrap().secret_name, "members");
    let tls = cluster.tls.as_ref().unwrap();
    assert!(tls.enabled);
    assert_eq!(
        tls.ca_file,
        Some(scene.path("ca.pem")),
        "relative to the file"
    );
    assert_eq!(tls.cert_file.as_deref(), Some(Path::new("/etc/keeper.pem")));
    assert_eq!(tls.key_file.as_deref(), Some(Path::new("/etc/keeper.key")));
    assert_eq!(tls.server_name.as_deref(), Some("hz"));
    assert_eq!(config.owner().unwrap(), "from-file");
    assert_eq!(config.secrets, Some(scene.path("secrets")));
    assert_eq!(config.state().unwrap(), Path::new("/srv/from-file"));
    assert_eq!(
        config.prune,
        PruneConfig {
            max_deletions: 3,
            max_deletions_percent: 50
        }
    );
    assert_eq!(config.recheck, Duration::from_mins(10));
}

#[test]
fn the_time_between_looks_at_a_remote_jar_has_bounds() {
    for (recheck, usable) in [
        ("1m", true),
        ("7d", false),
        ("168h", true),
        ("1s", false),
        ("often", false),
    ] {
        let file = WHOLE.replace("recheck: 10m", &format!("recheck: {recheck}"));
        let scene = Scene::new(&file);
        assert_eq!(scene.load().is_ok(), usable, "{recheck}");
    }
}

#[test]
fn a_time_without_a_unit_is_told_which_there_are() {
    let file = WHOLE.replace("recheck: 10m", "recheck: 1");
    let faults = Scene::new(&file).faults();
    assert!(
        faults.ends_with("| write a unit: `1s`, `1m` or `1h`"),
        "{faults}"
    );
    let file = "sources: [{name: a, git: {url: /jobs.git, interval: 15, timeout: 30}}]\n";
    let faults = Scene::new(file).faults();
    assert!(
        faults.contains("`15s`") && faults.contains("`30s`"),
        "{faults}"
    );
}

#[test]
fn monitoring_asks_on_this_machine_unless_more_is_allowed() {
    let listen = |file: &str, listen: Option<&str>, allow: bool| {
        let mut scene = Scene::new(file);
        scene.overrides.http_listen = listen.map(|text| text.parse().unwrap());
        scene.overrides.http_allow_remote = allow;
        let config = scene.load().map_err(|error| error.to_string())?;
        Ok::<_, String>(config.http.listen.map(|address| address.to_string()))
    };
    let (here, there) = ("127.0.0.1:7717", "192.0.2.1:7717");
    assert_eq!(listen("", None, false).unwrap(), None);
    for address in [here, "[::1]:0"] {
        assert_eq!(listen("", Some(address), false).unwrap().unwrap(), address);
    }
    assert!(
        listen("", Some(there), false)
            .unwrap_err()
            .contains("--http-allow-remote")
    );
    assert_eq!(listen("", Some(there), true).unwrap().unwrap(), there);
    let file = format!("http: {{listen: \"{there}\", allowRemote: true}}");
    assert_eq!(listen(&file, None, false).unwrap().unwrap(), there);
    assert_eq!(listen(&file, Some(here), false).unwrap().unwrap(), here);
}

#[test]
fn flags_beat_the_file_and_leave_the_rest_of_it() {
    let mut scene = Scene::new(WHOLE);
    scene.overrides = Overrides {
        path: Some(scene.path("other")),
        state: Some(PathBuf::from("/srv/flag")),
        clusters: ["second=eu@h:1", "hazelcast=h:2", "third=h"]
            .map(|text| text.parse().unwrap())
            .into(),
        owner: Some("flag".to_owned()),
        secrets: Some(PathBuf::from("/srv/secrets")),
        max_deletions: Some(7),
        ..scene.overrides
    };
    let config = scene.load().unwrap();

    assert_eq!(config.sources[0].directory(), Some(&*scene.path("other")));
    assert_eq!(config.state().unwrap(), Path::new("/srv/flag"));
    assert_eq!(
        config.clusters.keys().collect::<Vec<_>>(),
        ["hazelcast", "second", "third"]
    );
    assert_eq!(config.clusters["second"].cluster_name, "eu");
    assert_eq!(config.clusters["third"].cluster_name, "dev");
    assert_eq!(config.clusters["third"].addresses, ["h:5701"]);
    let hazelcast = &config.clusters["hazelcast"];
    assert_eq!(
        (&*hazelcast.cluster_name, &*hazelcast.addresses),
        ("prod", &["h:2".to_owned()][..])
    );
    assert!(hazelcast.tls.is_some() && hazelcast.credentials.is_some());
    assert_eq!(config.owner().unwrap(), "flag");
    assert_eq!(config.secrets, Some(PathBuf::from("/srv/secrets")));
    assert_eq!(config.prune.max_deletions, 7);
    assert_eq!(config.prune.max_deletions_percent, 50, "that of the file");
}

#[test]
fn a_path_alone_is_enough() {
    let mut scene = Scene::new("");
    scene.overrides.path = Some(scene.path("My Jobs"));
    let config = scene.load().unwrap();

    assert_eq!(config.sources().unwrap()[0].name.0, "local");
    let owner = format!("keeper:{}", scene.path("My Jobs").display());
    assert_eq!(config.owner().unwrap(), owner);
    let state = config.state().unwrap();
    let home = scene.path("home/.local/state/jetkeeper");
    assert_eq!(state.parent(), Some(&*home), "{}", state.display());
    let key = state.file_name().unwrap().to_str().unwrap();
    assert!(key.starts_with("MyJobs-"), "{key}");
    assert_eq!(config.prune, PruneConfig::default());
}

#[test]
fn nothing_at_all_has_nothing_to_keep() {
    let scene = Scene::new("# empty\n");
    let config = scene.load().unwrap();
    let error = config.sources().unwrap_err();
    assert!(matches!(error, ConfigError::NoSources), "{error}");
    assert!(matches!(config.state(), Err(ConfigError::StateNotNamed)));
}

#[test]
fn state_goes_where_the_nearest_voice_says() {
    let mut scene = Scene::new("state: {directory: /srv/file}");
    scene.overrides.path = Some(scene.path("jobs"));
    scene.environment.state_directory = Some(OsString::from("/srv/systemd:/srv/second"));
    scene.environment.xdg_state_home = Some(OsString::from("/srv/xdg"));
    let state = |scene: &Scene| scene.load().unwrap().state().unwrap().to_owned();

    assert_eq!(state(&scene), Path::new("/srv/file"));
    fs::write(scene.overrides.config.as_ref().unwrap(), "").unwrap();
    assert_eq!(state(&scene), Path::new("/srv/systemd"));
    scene.environment.state_directory = None;
    assert!(state(&scene).starts_with("/srv/xdg/jetkeeper"));
    scene.environment.xdg_state_home = Some(OsString::from("not/absolute"));
    assert!(state(&scene).starts_with(scene.path("home")));
    scene.environment.home = None;
    let error = scene.load().unwrap().state().unwrap_err().to_string();
    assert!(error.contains("--state DIR"), "{error}");
}

#[test]
fn each_set_of_sources_has_a_state_of_its_own() {
    let mut scene = Scene::new("");
    let mut states = std::collections::BTreeSet::new();
    for path in ["a/jobs", "b/jobs", "a/jobs"] {
        scene.overrides.path = Some(scene.path(path));
        states.insert(scene.load().unwrap().state().unwrap().to_owned());
    }
    assert_eq!(states.len(), 2, "{states:?}");
}

#[test]
fn a_relative_and_an_absolute_path_are_the_same_source() {
    let mut scene = Scene::new("");
    fs::create_dir(scene.path("jobs")).unwrap();
    std::os::unix::fs::symlink(scene.path("jobs"), scene.path("link")).unwrap();
    let mut states = Vec::new();
    for path in ["jobs", "link", "jobs/."] {
        scene.overrides.path = Some(scene.path(path));
        states.push(scene.load().unwrap().state().unwrap().to_owned());
    }
    assert_eq!(states[0], states[1]);
    assert_eq!(states[0], states[2]);
}

#[test]
fn state_is_never_inside_a_source_by_any_road() {
    let mut scene = Scene::new("");
    fs::create_dir(scene.path("jobs")).unwrap();
    std::os::unix::fs::symlink(scene.path("jobs"), scene.path("link")).unwrap();
    scene.overrides.path = Some(scene.path("jobs"));
    for state in ["jobs", "jobs/state", "link/new/state"] {
        scene.overrides.state = Some(scene.path(state));
        let error = scene.load().unwrap_err();
        assert!(
            matches!(error, ConfigError::StateInSource { .. }),
            "{state}: {error}"
        );
    }
    scene.overrides.state = Some(scene.path("jobs-state"));
    scene.load().unwrap();
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let scene = Scene::new(
        "ownr: me
sources:
  - {name: jobs, directry: {path: x}}
  - {name: \"a b\", directory: {path: x}}
  - {name: repo, git: {url: ftp://x}}
  - {name: repo, directory: {path: x}}
clusters:
  dev: {addresses: [\"h:0\"]}
  prod: {addresses: []}
  test: {addresses: h}
http: {listen: \"somewhere\"}
prune: {maxDeletions: many, maxDeletionsPercent: 25}
",
    );
    insta::assert_snapshot!(scene.faults(), @r#"
    1:1: unknown field `ownr` in `configuration` | did you mean `owner`?
    3:18: unknown field `directry` in `configuration.sources[0]` | did you mean `directory`?
    4:12: `a b` can't be a source's name | use letters, digits, `-`, `_` and `.`
    5:29: this URL can't be used: it is none of https://…, ssh://…, user@host:path, file:///…, /path | write `url: https://host/repository.git` or `url: git@host:repository.git`
    6:12: there is another source named `repo` | what is recorded of a source is found by its name
    8:21: `h:0` is no HOST:PORT: the port is a number from 1 to 65535 | write "host:5701"
    9:9: the cluster `prod` has no addresses | name one member at least: `addresses: ["host:5701"]`
    10:21: `configuration.clusters.test.addresses` must be a list, not the text `h` | write a list: `[h]`
    11:16: `somewhere` is no address to listen on | write an IP address and a port: "127.0.0.1:7717"
    12:23: `configuration.prune.maxDeletions` must be a whole number, not the text `many` |
    "#);
}

#[test]
fn rules_are_checked_once_the_shape_is_right() {
    let scene = Scene::new(
        "sources:
  - {name: jobs}
  - {name: \"a b\", directory: {path: x}}
  - {name: repo, git: {url: ssh://x, ref: {branch: main}}}
  - {name: jobs, directory: {path: x}}
clusters:
  dev: {addresses: [\"h:0\"]}
  prod: {addresses: []}
http: {listen: \"0.0.0.0:7717\"}
prune: {maxDeletionsPercent: 125}
",
    );
    insta::assert_snapshot!(scene.faults(), @r#"
    2:5: the source does not say where it is | add `directory: {path: …}` or `git: {url: …}`
    3:12: `a b` can't be a source's name | use letters, digits, `-`, `_` and `.`
    4:23: nothing says by which key the host is known, so that it would not be connected to | add `knownHosts`, with what `jetkeeper config learn-host-key ssh://x` prints once you know that it is right, or `knownHostsFile`
    4:23: nothing says which key logs in | add `secretName: …`, a secret with the key `identity`: a private key of SSH
    5:12: there is another source named `jobs` | what is recorded of a source is found by its name
    7:21: `h:0` is no HOST:PORT: the port is a number from 1 to 65535 | write "host:5701"
    8:9: the cluster `prod` has no addresses | name one member at least: `addresses: ["host:5701"]`
    9:16: 0.0.0.0:7717 can be reached from other machines, and whoever asks there is told the names of jobs and why they are held: allow it with `http.allowRemote: true` or --http-allow-remote | write an address of this machine alone, such as "127.0.0.1:7717"
    10:30: 125 percent is more than all | write a number from 0 to 100
    "#);
}

#[test]
fn tls_and_credentials_of_clusters_are_checked_and_no_secret_is_shown() {
    let scene = Scene::new(
        "clusters:
  a: {addresses: [h], tls: {certFile: x}}
  b: {addresses: [h], tls: {caFil: x}, credentials: {secretName: \"\"}}
",
    );
    insta::assert_snapshot!(scene.faults(), @r"
    2:28: `certFile` and `keyFile` of `a` go together | give both, or none
    3:29: unknown field `caFil` in `configuration.clusters.b.tls` | did you mean `caFile`?
    3:66: the credentials of `b` name no secret | name one with the keys `username` and `password`, or `token`
    ");
    for credentials in [
        "{username: keeper, password: hunter2}",
        "{secretName: members, token: hunter2}",
        "hunter2",
    ] {
        let text = format!("clusters: {{a: {{addresses: [h], credentials: {credentials}}}}}\n");
        let error = Scene::new(&text).load().unwrap_err();
        let told = format!("{error:?}");
        assert!(told.contains("only `secretName` belongs"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    let scene = Scene::new("sources:\n\t- x\n");
    insta::assert_snapshot!(scene.faults(), @"2:1: this is no YAML: a tab indents this line | indent with spaces");
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let mut scene = Scene::new("");
    scene.overrides.config = Some(scene.path("nowhere.yaml"));
    let error = scene.load().unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }), "{error}");
}

#[test]
fn several_sources_need_an_owner_by_name() {
    let text =
        "sources:\n  - {name: a, directory: {path: a}}\n  - {name: b, directory: {path: b}}\n";
    let mut scene = Scene::new(text);
    let error = scene.load().unwrap().owner().unwrap_err().to_string();
    assert!(error.contains("--owner"), "{error}");
    scene.overrides.owner = Some("keeper-1".to_owned());
    assert_eq!(scene.load().unwrap().owner().unwrap(), "keeper-1");
    for bad in ["", "?", "a\nb", &"x".repeat(201)] {
        scene.overrides.owner = Some(bad.to_owned());
        let config = scene.load().unwrap();
        assert!(matches!(config.owner(), Err(ConfigError::BadOwner)));
    }
}

#[test]
fn places_of_state_are_found_without_a_source() {
    let mut scene = Scene::new("");
    let here = scene.path("jobs");
    fs::create_dir(&here).unwrap();
    scene.overrides.path = Some(here.clone());
    let state = scene.load().unwrap().state().unwrap().to_owned();
    let other = state.with_file_name("a-other");
    fs::create_dir_all(&state).unwrap();
    fs::create_dir_all(&other).unwrap();

    let mut places = places_of_state(&scene.environment, &here);
    places.retain(|place| place != Path::new("/var/lib/jetkeeper"));
    assert_eq!(places, [state, other]);
}

#[test]
fn what_is_shown_reads_as_the_same_configuration() {
    let whole = "
sources:
  - {name: jobs, directory: {path: jobs}}
  - {name: more, directory: {path: more}}
clusters:
  hazelcast:
    clusterName: prod
    addresses: [member-1]
    credentials: {secretName: members}
    tls: {enabled: true, caFile: ca, certFile: cert, keyFile: key, serverName: members}
owner: keeper
secrets: {directory: secrets}
state: {directory: /srv/state}
prune: {maxDeletions: 3, maxDeletionsPercent: 50}
artifacts: {recheck: 90m}
http: {listen: \"192.0.2.1:7717\", allowRemote: true}
";
    let mut scene = Scene::new(whole);
    let config = scene.load().unwrap();
    let shown = serde_yaml::to_string(&ShownConfig::from(&config)).unwrap();
    let file = scene.dir.path().join("shown.yaml");
    fs::write(&file, &shown).unwrap();
    scene.overrides.config = Some(file.clone());
    let again = scene.load().unwrap();
    let (file, given) = (Some(file), again.given.clone());
    let expected = Config {
        file,
        given,
        ..config
    };
    assert_eq!(again, expected, "{shown}");
}

#[test]
fn the_host_is_known_without_proc() {
    let proc = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(Environment::of_process().host, proc.trim());
}

#[test]
fn a_git_source_is_read_and_shown_as_it_was_written() {
    let scene = Scene::new(
        "sources:
  - name: jobs
    git:
      url: https://host/jobs.git
      ref: {semver: \"^1.2\"}
      path: /production/
      interval: 30s
      timeout: 1m
      secretName: repository
      caFile: ca.pem
",
    );
    let config = scene.load().unwrap();
    let Origin::Git(git) = &config.sources[0].origin else {
        panic!("{config:?}");
    };
    assert_eq!(
        (git.path.as_str(), git.interval.as_secs()),
        ("production", 30)
    );
    assert_eq!(git.ca_file, Some(scene.path("ca.pem")));
    assert_eq!(config.owner().unwrap(), "keeper:https://host/jobs.git");
    let shown = serde_json::to_string(&ShownConfig::from(&config)).unwrap();
    let again = Scene::new(&shown).load().unwrap();
    assert_eq!(again.sources, config.sources);
}

#[test]
fn hosts_of_ssh_are_known_by_lines_and_by_a_file() {
    let scene = Scene::new(
        "sources:
  - name: jobs
    git:
      url: git@host:team/jobs.git
      secretName: repository
      knownHostsFile: known_hosts
      knownHosts: |
        host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
",
    );
    let config = scene.load().unwrap();
    let Origin::Git(git) = &config.sources[0].origin else {
        panic!("{config:?}");
    };
    assert_eq!(git.known_hosts_file, Some(scene.path("known_hosts")));
    let shown = serde_json::to_string(&ShownConfig::from(&config)).unwrap();
    let again = Scene::new(&shown).load().unwrap();
    assert_eq!(again.sources, config.sources);

    let scene = Scene::new(
        "sources:
  - {name: a, git: {url: \"ssh://host/a.git\", secretName: s, knownHosts: \"host ssh-ed25519\"}}
  - {name: b, git: {url: /b.git, knownHosts: \"\"}}
",
    );
    let faults = scene.faults();
    for words in [
        "line 1 of the known hosts can't be read",
        "is not reached over SSH",
    ] {
        assert!(faults.contains(words), "{words}: {faults}");
    }
}

#[test]
fn faults_of_git_sources_are_told_and_no_password_is_shown() {
    let scene = Scene::new(
        "sources:
  - {name: a, git: {url: \"https://git:hush@host/jobs.git\"}}
  - {name: b, git: {url: /jobs.git, ref: {branch: main, tag: v1}, path: ../x}}
  - {name: c, git: {url: /jobs.git, ref: {commit: abc}, interval: 1s}}
  - {name: d, git: {ref: {semver: latest}}}
  - {name: e, git: {url: \"http://host/jobs.git\", ref: {branch: \"a:b\"}}}
  - {name: f, git: {url: /jobs.git}, directory: {path: x}}
",
    );
    let faults = scene.faults();
    // What is refused is shown by its place.
    assert!(!faults.contains("hush"), "{faults}");
    let lines: Vec<&str> = faults.lines().collect();
    for (place, words) in [
        ("2:", "it has a password in it"),
        ("3:", "this is no path in a repository"),
        ("3:", "more than one reference is given"),
        ("4:", "a commit has 40 hexadecimal digits"),
        ("4:", "`1s` is no such time"),
        ("5:", "the source does not say which repository"),
        ("5:", "`latest` is no range of versions"),
        ("6:", "http can be read and changed on the way"),
        ("6:", "this is no name of a branch"),
        ("7:", "a directory and a Git repository"),
    ] {
        let told = |line: &&str| line.starts_with(place) && line.contains(words);
        assert!(lines.iter().any(told), "{place} {words}:\n{faults}");
    }
    assert_eq!(lines.len(), 10, "{faults}");
}
