//! Slack's incoming webhooks, and those of Mattermost, Rocket.Chat and others that take the same.

use serde_json::json;

use super::words;
use crate::notifications::port::Request;
use crate::plan::record::Notification;
use crate::secrets::SecretString;

/// How much Slack shows of a message.
const MAX_TEXT: usize = 3_000;
/// How much of one line there is room for where there are several.
const MAX_LINE: usize = 500;

/// The request that tells these, in one message.
pub(in crate::notifications) fn request(
    url: &SecretString,
    owner: &str,
    batch: &[(u64, &Notification)],
    dropped: u64,
) -> Request {
    let mut lines = Vec::new();
    if dropped > 0 {
        lines.push(words::missed(dropped));
    }
    let told = batch
        .iter()
        .map(|(_, notification)| words::line(notification));
    lines.extend(told.map(|line| words::cut(&line, MAX_LINE)));
    let text = match lines.as_slice() {
        [line] => format!("jetkeeper {owner}: {line}"),
        lines => format!("jetkeeper {owner}:\n{}", lines.join("\n")),
    };
    let text = escaped(&words::cut(&text, MAX_TEXT));
    Request {
        url: url.clone(),
        headers: Vec::new(),
        body: json!({ "text": text }).to_string().into_bytes(),
        ca_file: None,
    }
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn all_of_a_batch_is_one_message_in_which_nothing_is_markup() {
        let url = SecretString::new("https://hooks.example.com/hush");
        let samples = samples::all();
        let batch: Vec<_> = (1..).zip(&samples).collect();
        let told = |batch, dropped| {
            let request = request(&url, "keeper-1", batch, dropped);
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            body["text"].as_str().unwrap().to_owned()
        };
        insta::assert_snapshot!(told(&batch, 3), @r#"
        jetkeeper keeper-1:
        3 earlier notifications were dropped, because this receiver did not take them
        [error] cluster prod: ClusterUnreachable, 12 are held (JetJob/orders, JetJob/payments and 10 more): no member answers: &lt;connection refused&gt; &amp; "more"
        [resolved] cluster prod: ClusterUnreachable is over after 12m 6s; 12 were held
        [info] JetJob/orders: submitted as job 0adf-8fef
        "#);
        assert!(told(&batch[2..], 0).starts_with("jetkeeper keeper-1: [info] JetJob/orders: sub"));
        let many: Vec<_> = std::iter::repeat_n(batch[0], 50).collect();
        assert!(told(&many, 0).chars().count() < MAX_TEXT * 2);
    }
}
