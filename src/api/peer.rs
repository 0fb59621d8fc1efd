//! Who asks on the socket: the system says it of the other end, who can't say it otherwise.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;

use super::socket::Socket;

/// Where the system's users are.
const USERS: &str = "/etc/passwd";
/// No list of users that is read by hand is larger.
const MAX_USERS_SIZE: u64 = 4 * 1024 * 1024;

/// The user whose process is at the other end; none where the system doesn't say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(Option<u32>);

impl Connected<IncomingStream<'_, Socket>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Socket>) -> Self {
        let credentials = stream.io().get_ref().peer_cred();
        Self(credentials.ok().map(|it| it.uid()))
    }
}

impl Peer {
    /// Who it is, and who that says that it is, where that is another: behind `sudo`, the person.
    pub(super) async fn named(self, claimed: &str) -> String {
        match self.0 {
            Some(uid) => who(claimed, uid).await,
            None => format!("{claimed} (as an unknown user)"),
        }
    }
}

/// The user with this id, and who it says that it is where that is another.
pub async fn who(claimed: &str, uid: u32) -> String {
    let users = read_users().await.unwrap_or_default();
    let user = name_of(uid, &users).map_or_else(|| format!("uid {uid}"), str::to_owned);
    let claimed = claimed.trim();
    if claimed.is_empty() || claimed == user {
        return user;
    }
    format!("{claimed} (as {user})")
}

/// The system's users; none where they are not in a file.
async fn read_users() -> Option<String> {
    let size = tokio::fs::metadata(USERS).await.ok()?.len();
    if size > MAX_USERS_SIZE {
        return None;
    }
    tokio::fs::read_to_string(USERS).await.ok()
}

fn name_of(uid: u32, users: &str) -> Option<&str> {
    let mut users = users.lines().map(|line| line.split(':'));
    users.find_map(|mut fields| {
        let name = fields.next()?;
        let id = fields.nth(1)?.parse::<u32>().ok()?;
        (id == uid && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_that_the_system_knows() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n# odd\n\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!(name_of(0, users), Some("root"));
        assert_eq!(name_of(1000, users), Some("alice"));
        assert_eq!(name_of(7, users), None);
    }

    #[tokio::test]
    async fn who_claims_to_be_somebody_else_is_told_with_who_it_is() {
        assert_eq!(who("root", 0).await, "root");
        assert_eq!(who("", 0).await, "root");
        assert_eq!(who("alice", 0).await, "alice (as root)");
        assert_eq!(who("root", 4_000_000_000).await, "root (as uid 4000000000)");
    }
}
