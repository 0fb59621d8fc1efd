//! The state of a commit, as GitHub, GitLab and Gitea take it.

use serde_json::json;

use super::words;
use crate::notifications::options::{CommitStatusOptions, Forge};
use crate::notifications::port::{Reply, Request};
use crate::plan::record::{CommitState, CommitStatus};
use crate::secrets::SecretString;

/// The request that tells it.
pub(in crate::notifications) fn request(
    options: &CommitStatusOptions,
    token: &SecretString,
    status: &CommitStatus,
) -> Request {
    let repository = &options.repository;
    let (api_url, commit) = (&repository.api_url, &status.commit);
    let context = &options.context;
    let token = token.expose();
    let (url, headers, body) = match options.forge {
        Forge::GitHub => (
            format!("{api_url}/repos/{}/statuses/{commit}", repository.path),
            vec![
                ("Authorization", format!("Bearer {token}")),
                ("Accept", "application/vnd.github+json".to_owned()),
                ("X-GitHub-Api-Version", "2022-11-28".to_owned()),
            ],
            json!({
                "state": state(status.state),
                "context": context,
                "description": words::cut(&status.description, 140),
            }),
        ),
        Forge::GitLab => (
            format!(
                "{api_url}/projects/{}/statuses/{commit}",
                repository.path.replace('/', "%2F")
            ),
            vec![("PRIVATE-TOKEN", token.to_owned())],
            json!({
                "state": match status.state {
                    CommitState::Failure => "failed",
                    other => state(other),
                },
                "name": context,
                "description": words::cut(&status.description, 255),
            }),
        ),
        Forge::Gitea => (
            format!("{api_url}/repos/{}/statuses/{commit}", repository.path),
            vec![("Authorization", format!("token {token}"))],
            json!({
                "state": state(status.state),
                "context": context,
                "description": words::cut(&status.description, 255),
            }),
        ),
    };
    let headers = headers.into_iter();
    Request {
        url: SecretString::new(url),
        headers: headers
            .map(|(name, value)| (name, SecretString::new(value)))
            .collect(),
        body: body.to_string().into_bytes(),
        ca_file: None,
    }
}

fn state(state: CommitState) -> &'static str {
    match state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure => "failure",
    }
}

/// Whether a refusal only says that it was told before: GitLab takes no state twice.
pub(in crate::notifications) fn was_told(forge: Forge, reply: &Reply) -> bool {
    let again = reply.text.contains("Cannot transition status");
    forge == Forge::GitLab && reply.status == 400 && again
}

#[cfg(test)]
mod tests {
    use super::super::repository::Repository;
    use super::*;
    use crate::resources::SourceName;

    #[test]
    fn each_host_is_told_in_its_own_words() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let told = |forge, url: &str, state| {
            let options = CommitStatusOptions {
                forge,
                source: SourceName("jobs".to_owned()),
                repository: Repository::of(forge, url, None, None).unwrap(),
                secret_name: "forge".to_owned(),
                context: "jetkeeper".to_owned(),
            };
            let status = CommitStatus {
                source: options.source.clone(),
                commit: commit.to_owned(),
                state,
                description: "all 3 done".to_owned(),
            };
            let request = request(&options, &SecretString::new("t0ken"), &status);
            let headers = request.headers.iter();
            let headers: Vec<String> = headers
                .map(|(name, value)| format!("{name}: {}", value.expose()))
                .collect();
            let body = String::from_utf8(request.body).unwrap();
            format!(
                "POST {}\n{}\n\n{body}",
                request.url.expose(),
                headers.join("\n")
            )
        };
        let all = [
            told(
                Forge::GitHub,
                "https://github.com/team/jobs.git",
                CommitState::Success,
            ),
            told(
                Forge::GitLab,
                "https://git.corp/a/b/jobs.git",
                CommitState::Failure,
            ),
            told(
                Forge::Gitea,
                "https://git.corp/team/jobs.git",
                CommitState::Pending,
            ),
        ];
        insta::assert_snapshot!(all.join("\n\n"), @r#"
        POST https://api.github.com/repos/team/jobs/statuses/0123456789abcdef0123456789abcdef01234567
        Authorization: Bearer t0ken
        Accept: application/vnd.github+json
        X-GitHub-Api-Version: 2022-11-28

        {"context":"jetkeeper","description":"all 3 done","state":"success"}

        POST https://git.corp/api/v4/projects/a%2Fb%2Fjobs/statuses/0123456789abcdef0123456789abcdef01234567
        PRIVATE-TOKEN: t0ken

        {"description":"all 3 done","name":"jetkeeper","state":"failed"}

        POST https://git.corp/api/v1/repos/team/jobs/statuses/0123456789abcdef0123456789abcdef01234567
        Authorization: token t0ken

        {"context":"jetkeeper","description":"all 3 done","state":"pending"}
        "#);
    }
}
