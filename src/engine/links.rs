//! Tells that a cluster was reached, or lost, once each time, and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plan::observed::{ClusterView, Link};

/// What was told of the clusters.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<String, Told>);

/// What was told of a cluster last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Reached,
    /// It was lost; why is not known yet.
    Lost,
    /// It was lost, or never reached, and why was told.
    Away,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// The cluster answers.
    Reached(String),
    /// It doesn't.
    Away(String),
}

impl Links {
    /// What is new.
    pub(super) fn update(&mut self, clusters: &BTreeMap<String, Arc<ClusterView>>) -> Vec<News> {
        self.0.retain(|name, _| clusters.contains_key(name));
        let mut news = Vec::new();
        for (name, view) in clusters {
            let before = self.0.get(name).copied();
            let (now, what) = match (&view.link, before) {
                (Link::Up, Some(Told::Reached))
                | (Link::Down { .. }, Some(Told::Away))
                | (Link::Down { error: None, .. }, None | Some(Told::Lost)) => continue,
                (Link::Up, _) => {
                    let count = view.members.len();
                    let members = if count == 1 { "member" } else { "members" };
                    let version = view.version.as_deref().unwrap_or("of unknown version");
                    let text = format!("cluster {name} reached: {count} {members}, {version}");
                    (Told::Reached, News::Reached(text))
                }
                (Link::Down { error: None, .. }, Some(Told::Reached)) => {
                    let text = format!("cluster {name} lost; connecting again");
                    (Told::Lost, News::Away(text))
                }
                (
                    Link::Down {
                        error: Some(error), ..
                    },
                    Some(Told::Reached),
                ) => {
                    let text = format!("cluster {name} lost; connecting again: {error}");
                    (Told::Away, News::Away(text))
                }
                (
                    Link::Down {
                        error: Some(error), ..
                    },
                    _,
                ) => {
                    let text = format!("cluster {name} can't be reached: {error}");
                    (Told::Away, News::Away(text))
                }
            };
            self.0.insert(name.clone(), now);
            news.push(what);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::at;

    fn told(links: &mut Links, link: Link) -> Vec<News> {
        let view = ClusterView {
            link,
            version: Some("5.7.0".to_owned()),
            ..ClusterView::unknown(at(0))
        };
        links.update(&[("dev".to_owned(), Arc::new(view))].into())
    }

    fn down(error: Option<&str>) -> Link {
        Link::Down {
            since: at(0),
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn each_turn_is_told_once_with_its_cause() {
        let mut links = Links::default();
        let away = |text: &str| vec![News::Away(text.to_owned())];
        assert_eq!(told(&mut links, down(None)), []);
        let refused = "cluster dev can't be reached: connection refused";
        assert_eq!(
            told(&mut links, down(Some("connection refused"))),
            away(refused)
        );
        assert_eq!(told(&mut links, down(Some("timed out"))), []);
        let reached = News::Reached("cluster dev reached: 0 members, 5.7.0".to_owned());
        assert_eq!(told(&mut links, Link::Up), std::slice::from_ref(&reached));
        assert_eq!(told(&mut links, Link::Up), []);
        let lost = "cluster dev lost; connecting again";
        assert_eq!(told(&mut links, down(None)), away(lost));
        assert_eq!(told(&mut links, down(None)), []);
        assert_eq!(
            told(&mut links, down(Some("connection refused"))),
            away(refused)
        );
        assert_eq!(told(&mut links, Link::Up), [reached]);
        let why = "cluster dev lost; connecting again: closed";
        assert_eq!(told(&mut links, down(Some("closed"))), away(why));
    }
}
