//! A command that people are told to give, complete: with the flags that this one was given.

use std::path::Path;

use super::called::quoted;
use crate::config::{ClusterAddresses, Config, Overrides};

/// Makes the state of this run anew.
pub(super) fn rebuild(config: &Config) -> String {
    // Without `..`: a new flag has to be thought of here.
    let Overrides {
        config: file,
        path,
        state,
        clusters,
        owner,
        secrets,
        max_deletions: _,
        max_deletions_percent: _,
        recheck: _,
        http_listen: _,
        http_allow_remote: _,
        webhooks_listen: _,
    } = &config.given;
    let mut words = vec!["jetkeeper state rebuild".to_owned()];
    words.extend(path.as_deref().map(of_path));
    let mut flag = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name} {value}")));
    };
    flag("--config", file.as_deref().map(of_path));
    for cluster in clusters {
        flag("--cluster", Some(word(&of_cluster(cluster))));
    }
    flag("--owner", owner.as_deref().map(word));
    flag("--secrets", secrets.as_deref().map(of_path));
    // Where nobody named it, surroundings did that another shell may lack.
    let state = state.as_deref().or(config.state().ok());
    flag("--state", state.map(of_path));
    words.join(" ")
}

fn of_cluster(cluster: &ClusterAddresses) -> String {
    let ClusterAddresses {
        name,
        cluster_name,
        addresses,
    } = cluster;
    let members = addresses.join(",");
    match cluster_name {
        Some(cluster_name) => format!("{name}={cluster_name}@{members}"),
        None => format!("{name}={members}"),
    }
}

fn of_path(path: &Path) -> String {
    word(&path.display().to_string())
}

fn word(text: &str) -> String {
    quoted(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_command_has_the_flags_of_this_one() {
        let dir = tempfile::tempdir().unwrap();
        let given = Overrides {
            path: Some(dir.path().to_owned()),
            state: Some("/srv/my state".into()),
            clusters: vec!["dev=prod@10.0.0.1,10.0.0.2:5702".parse().unwrap()],
            owner: Some("it's me".to_owned()),
            ..Overrides::default()
        };
        let config = Config::load(&given, &Environment::default()).unwrap();
        let path = dir.path().display();
        assert_eq!(
            rebuild(&config),
            format!(
                r"jetkeeper state rebuild {path} --cluster dev=prod@10.0.0.1:5701,10.0.0.2:5702 --owner 'it'\''s me' --state '/srv/my state'"
            )
        );
        let given = Overrides {
            path: Some(dir.path().to_owned()),
            ..Overrides::default()
        };
        let systemd = Environment {
            state_directory: Some("/var/lib/jetkeeper".into()),
            ..Environment::default()
        };
        let config = Config::load(&given, &systemd).unwrap();
        let command = format!("jetkeeper state rebuild {path} --state /var/lib/jetkeeper");
        assert_eq!(rebuild(&config), command);
    }
}
