//! The parameters of a bucket's URI: what follows its `?`.

use std::collections::BTreeMap;

use super::super::suggest;
use super::parse::BucketUriFault;
use super::{AccountPosition, AzureContainer, AzureEndpoint, GoogleBucket, S3Bucket};

/// What Go takes for yes and no.
const YES: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
const NO: [&str; 6] = ["0", "f", "F", "FALSE", "false", "False"];

/// Azure's own server.
const AZURE_DOMAIN: &str = "blob.core.windows.net";

/// What is left of the parameters to be understood.
pub(super) struct Parameters {
    left: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl Parameters {
    /// Reads what follows the `?`.
    pub(super) fn read(query: &str, faults: &mut Vec<BucketUriFault>) -> Self {
        let mut left = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let spaced = |text: &str| decode(&text.replace('+', " "));
            let (Some(name), Some(value)) = (spaced(name), spaced(value)) else {
                let parameter = name.to_owned();
                let expected = "other characters than letters and digits as `%` and two hex digits";
                faults.push(BucketUriFault::Value {
                    parameter,
                    expected,
                });
                continue;
            };
            if left.insert(name.clone(), value).is_some() {
                faults.push(BucketUriFault::Twice { parameter: name });
            }
        }
        Self {
            left,
            known: Vec::new(),
        }
    }

    /// The value of this parameter; an empty one is none.
    pub(super) fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.left.remove(name).filter(|value| !value.is_empty())
    }

    /// Whether a parameter, by one of its names, says yes.
    fn says_yes(&mut self, names: &[&'static str], faults: &mut Vec<BucketUriFault>) -> bool {
        let mut yes = false;
        for name in names {
            let Some(value) = self.take(name) else {
                continue;
            };
            yes |= YES.contains(&&*value);
            if !YES.contains(&&*value) && !NO.contains(&&*value) {
                faults.push(BucketUriFault::Value {
                    parameter: (*name).to_owned(),
                    expected: "`true` or `false`",
                });
            }
        }
        yes
    }

    /// These mean nothing for reading.
    fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.left.remove(*name);
        }
    }

    /// These are known, but not done here.
    fn refuse(&mut self, names: &[&str], instead: &str, faults: &mut Vec<BucketUriFault>) {
        for name in names {
            if self.left.remove(*name).is_some() {
                faults.push(BucketUriFault::UnknownParameter {
                    parameter: (*name).to_owned(),
                    help: Some(instead.to_owned()),
                });
            }
        }
    }

    /// Nobody knows what is left.
    pub(super) fn refuse_rest(self, faults: &mut Vec<BucketUriFault>) {
        for parameter in self.left.into_keys() {
            let known = suggest::help(&parameter, self.known.iter().copied());
            let help = known.or_else(|| {
                let elsewhere = "docs/buckets.md lists them; credentials belong into a secret";
                Some(elsewhere.to_owned())
            });
            faults.push(BucketUriFault::UnknownParameter { parameter, help });
        }
    }
}

pub(super) fn s3(
    name: &str,
    parameters: &mut Parameters,
    faults: &mut Vec<BucketUriFault>,
) -> S3Bucket {
    let region = parameters.take("region");
    let endpoint = parameters.take("endpoint");
    let plain = parameters.says_yes(&["disableSSL", "disable_https"], faults);
    let path_style = ["s3ForcePathStyle", "use_path_style", "hostname_immutable"];
    let path_style = parameters.says_yes(&path_style, faults);
    let anonymous = parameters.says_yes(&["anonymous"], faults);
    let uploads = ["ssetype", "kmskeyid", "request_checksum_calculation"];
    parameters.ignore(&uploads);
    parameters.ignore(&[
        "awssdk",
        "rate_limiter_capacity",
        "response_checksum_validation",
    ]);
    let hosts = ["accelerate", "dualstack", "fips"];
    parameters.refuse(&hosts, "name that server with `endpoint`", faults);
    let instead = "name a secret in `bucketConfig.secretName`";
    parameters.refuse(&["profile"], instead, faults);
    let endpoint = endpoint.and_then(|endpoint| server(&endpoint, plain, faults));
    S3Bucket {
        name: name.to_owned(),
        region,
        endpoint,
        path_style,
        anonymous,
    }
}

/// The server with its scheme, which it may have been written with.
fn server(written: &str, plain: bool, faults: &mut Vec<BucketUriFault>) -> Option<String> {
    let (scheme, host) = match written.split_once("://") {
        None if plain => ("http", written),
        None => ("https", written),
        Some((scheme, host)) => (scheme, host),
    };
    let host = host.trim_end_matches('/');
    if host.contains('@') {
        faults.push(BucketUriFault::Credentials);
        return None;
    }
    let odd = |it: char| it.is_whitespace() || it.is_control() || matches!(it, '?' | '#');
    if !matches!(scheme, "http" | "https") || host.is_empty() || host.contains(odd) {
        faults.push(BucketUriFault::Value {
            parameter: "endpoint".to_owned(),
            expected: "a host, or an http or https URL",
        });
        return None;
    }
    Some(format!("{scheme}://{host}"))
}

pub(super) fn google(
    name: &str,
    parameters: &mut Parameters,
    faults: &mut Vec<BucketUriFault>,
) -> GoogleBucket {
    let anonymous = parameters.says_yes(&["anonymous"], faults);
    // With these URLs are signed for others.
    parameters.ignore(&["access_id", "private_key_path"]);
    GoogleBucket {
        name: name.to_owned(),
        anonymous,
    }
}

pub(super) fn azure(
    name: &str,
    parameters: &mut Parameters,
    faults: &mut Vec<BucketUriFault>,
) -> AzureContainer {
    let account = parameters.take("storage_account");
    let domain = parameters.take("domain");
    let protocol = parameters.take("protocol");
    let cdn = parameters.says_yes(&["cdn"], faults);
    let emulator = parameters.says_yes(&["localemu"], faults);
    if protocol
        .as_deref()
        .is_some_and(|it| !matches!(it, "http" | "https"))
    {
        faults.push(BucketUriFault::Value {
            parameter: "protocol".to_owned(),
            expected: "`https` or `http`",
        });
    }
    let odd =
        |it: char| it.is_whitespace() || it.is_control() || matches!(it, '?' | '#' | '@' | '/');
    if domain.as_deref().is_some_and(|domain| domain.contains(odd)) {
        faults.push(BucketUriFault::Value {
            parameter: "domain".to_owned(),
            expected: "a host, like `blob.core.windows.net`",
        });
    }
    let own = domain.is_none() && protocol.is_none() && !cdn && !emulator;
    let endpoint = (!own).then(|| {
        let domain = domain.unwrap_or_else(|| AZURE_DOMAIN.to_owned());
        let on_this_machine = domain.starts_with("localhost") || domain.starts_with("127.0.0.1");
        AzureEndpoint {
            account: if cdn {
                AccountPosition::Nowhere
            } else if emulator || on_this_machine {
                AccountPosition::Path
            } else {
                AccountPosition::Host
            },
            protocol: protocol.unwrap_or_else(|| "https".to_owned()),
            domain,
        }
    });
    AzureContainer {
        name: name.to_owned(),
        account,
        endpoint,
    }
}

/// All of these are about writing, or about URLs for others.
pub(super) fn file(parameters: &mut Parameters) {
    parameters.ignore(&["base_url", "create_dir", "dir_file_mode", "metadata"]);
    parameters.ignore(&["no_tmp_dir", "secret_key_path"]);
}

/// The text with its `%` and two hex digits read; none where that gives no text.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after
            .get(..2)
            .filter(|it| it.iter().all(u8::is_ascii_hexdigit))?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}
