//! Takes a bucket's URI apart.

use std::path::PathBuf;

use thiserror::Error;

use super::super::tree::quote;
use super::parameters::{self, Parameters};
use super::{BucketPlace, BucketUri};

/// What is wrong with a bucket's URI.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BucketUriFault {
    /// It is no URI of a kind that is known.
    #[error("{} is no bucket", quote(uri))]
    NotABucket {
        /// What was written.
        uri: String,
    },
    /// A user name or password stands in it.
    #[error("`bucketURI` holds a user name or password")]
    Credentials,
    /// No object of such a name can be.
    #[error("the path of `bucketURI` has empty parts, `.` or `..`, or characters that no path has")]
    Path,
    /// A parameter that buckets of this kind don't have.
    #[error("`bucketURI` has the unknown parameter `{parameter}`")]
    UnknownParameter {
        /// Its name.
        parameter: String,
        /// What to do instead.
        help: Option<String>,
    },
    /// A parameter that is there twice.
    #[error("`bucketURI` has the parameter `{parameter}` twice")]
    Twice {
        /// Its name.
        parameter: String,
    },
    /// A parameter whose value makes no sense.
    #[error("the parameter `{parameter}` of `bucketURI` can't have that value")]
    Value {
        /// Its name.
        parameter: String,
        /// What to write instead.
        expected: &'static str,
    },
}

impl BucketUriFault {
    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotABucket { .. } => {
                Some("like `s3://bucket/path`, `gs://…`, `azblob://…` or `file:///…`".to_owned())
            }
            Self::Credentials => {
                Some("put them into a secret and name it in `bucketConfig.secretName`".to_owned())
            }
            Self::Path => Some("like `s3://bucket/path/to/jars`".to_owned()),
            Self::UnknownParameter { help, .. } => help.clone(),
            Self::Twice { .. } => Some("keep one of them".to_owned()),
            Self::Value { expected, .. } => Some(format!("write {expected}")),
        }
    }
}

/// What stands before the `://`.
#[derive(Clone, Copy)]
enum Scheme {
    S3,
    Google,
    Azure,
    File,
}

pub(super) fn parse(uri: &str) -> Result<BucketUri, Vec<BucketUriFault>> {
    let (scheme, name, path, query) = split(uri).map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    let folder = folder(path).unwrap_or_else(|| {
        faults.push(BucketUriFault::Path);
        String::new()
    });
    let mut parameters = Parameters::read(query, &mut faults);
    let written = parameters.take("prefix").unwrap_or_default();
    let mut prefix = format!("{folder}{}", written.trim_start_matches('/'));
    let (read, found) = (&mut parameters, &mut faults);
    let place = match scheme {
        Scheme::S3 => BucketPlace::S3(parameters::s3(name, read, found)),
        Scheme::Google => BucketPlace::Google(parameters::google(name, read, found)),
        Scheme::Azure => BucketPlace::Azure(parameters::azure(name, read, found)),
        Scheme::File => {
            parameters::file(read);
            prefix = written;
            BucketPlace::Directory(PathBuf::from(format!("/{}", folder.trim_end_matches('/'))))
        }
    };
    parameters.refuse_rest(&mut faults);
    // The object's name follows what stands behind the last `/`.
    let folders = prefix.rsplit_once('/').map_or("", |(folders, _)| folders);
    if !(folders.is_empty() || folders.split('/').all(is_part)) || prefix.contains(char::is_control)
    {
        faults.push(BucketUriFault::Path);
    }
    faults.dedup();
    if faults.is_empty() {
        Ok(BucketUri { place, prefix })
    } else {
        Err(faults)
    }
}

/// The scheme, the bucket's name, the path, and what follows the `?`.
fn split(uri: &str) -> Result<(Scheme, &str, &str, &str), BucketUriFault> {
    let no_bucket = || {
        let uri = uri.split(['?', '#']).next().unwrap_or_default().to_owned();
        BucketUriFault::NotABucket { uri }
    };
    let (scheme, rest) = uri.split_once("://").ok_or_else(no_bucket)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (name, path) = place.find('/').map_or((place, ""), |at| place.split_at(at));
    if name.contains('@') {
        return Err(BucketUriFault::Credentials);
    }
    let scheme = match scheme {
        "s3" => Scheme::S3,
        "gs" => Scheme::Google,
        "azblob" => Scheme::Azure,
        "file" => Scheme::File,
        _ => return Err(no_bucket()),
    };
    let fits = match scheme {
        // Another machine's files can't be reached.
        Scheme::File => matches!(name, "" | "localhost") && path.len() > 1,
        _ => is_bucket_name(name),
    };
    let odd = |it: char| it.is_whitespace() || it.is_control() || it == '#';
    if !fits || uri.contains(odd) {
        return Err(no_bucket());
    }
    Ok((scheme, name, path, query))
}

/// What providers allow in names, all of them together.
fn is_bucket_name(name: &str) -> bool {
    let usable = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_' | '$');
    !name.is_empty() && name.chars().all(usable)
}

/// The path without a `/` before it and with one behind it; empty where there is none.
fn folder(path: &str) -> Option<String> {
    let path = parameters::decode(path)?;
    let inner = path.strip_prefix('/').unwrap_or(&path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Some(String::new());
    }
    inner.split('/').all(is_part).then(|| format!("{inner}/"))
}

/// Whether this may stand between two `/`.
fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::super::{AccountPosition, AzureEndpoint, GoogleBucket, S3Bucket};
    use super::*;

    fn s3(uri: &str) -> S3Bucket {
        match BucketUri::parse(uri).unwrap().place {
            BucketPlace::S3(bucket) => bucket,
            other => panic!("{other:?}"),
        }
    }

    fn azure(uri: &str) -> AzureEndpoint {
        match BucketUri::parse(uri).unwrap().place {
            BucketPlace::Azure(container) => container.endpoint.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn faults(uri: &str) -> String {
        let faults = BucketUri::parse(uri).unwrap_err();
        let told =
            |fault: &BucketUriFault| format!("{fault}: {}\n", fault.help().unwrap_or_default());
        faults.iter().map(told).collect()
    }

    #[test]
    fn the_sample_of_the_operators_page_is_a_bucket_with_a_folder() {
        let uri = BucketUri::parse("gs://operator-user-code/jetJobs").unwrap();
        let bucket = GoogleBucket {
            name: "operator-user-code".to_owned(),
            anonymous: false,
        };
        assert_eq!(uri.place, BucketPlace::Google(bucket));
        assert_eq!(uri.key("orders.jar"), "jetJobs/orders.jar");
    }

    #[test]
    fn path_and_prefix_stand_before_the_name() {
        for (uri, key) in [
            ("s3://b", "a.jar"),
            ("s3://b/", "a.jar"),
            ("s3://b/x/y", "x/y/a.jar"),
            ("s3://b/x/y/", "x/y/a.jar"),
            ("s3://b/x%20y", "x y/a.jar"),
            ("s3://b?prefix=x/y/", "x/y/a.jar"),
            ("s3://b?prefix=release-", "release-a.jar"),
            ("s3://b/x?prefix=y%2F", "x/y/a.jar"),
            ("file:///srv/jars?prefix=x/", "x/a.jar"),
            ("file:///srv/jars/", "a.jar"),
        ] {
            assert_eq!(BucketUri::parse(uri).unwrap().key("a.jar"), key, "{uri}");
        }
        let place = BucketUri::parse("file:///srv/jars/").unwrap().place;
        assert_eq!(place, BucketPlace::Directory("/srv/jars".into()));
    }

    #[test]
    fn parameters_are_known_in_both_spellings() {
        let expected = S3Bucket {
            name: "b".to_owned(),
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("http://minio:9000".to_owned()),
            path_style: true,
            anonymous: false,
        };
        for uri in [
            "s3://b?region=eu-west-1&endpoint=minio:9000&disableSSL=true&s3ForcePathStyle=true",
            "s3://b?region=eu-west-1&endpoint=minio:9000&disable_https=1&use_path_style=T",
            "s3://b?region=eu-west-1&endpoint=http%3A%2F%2Fminio%3A9000&hostname_immutable=true&awssdk=v2",
        ] {
            assert_eq!(s3(uri), expected, "{uri}");
        }
        assert_eq!(
            s3("s3://b?endpoint=minio:9000").endpoint.as_deref(),
            Some("https://minio:9000")
        );
        assert!(s3("s3://b?anonymous=true").anonymous);
    }

    #[test]
    fn azure_is_reached_where_the_parameters_say() {
        let position = |uri: &str| azure(uri).account;
        let emulator = azure("azblob://c?domain=127.0.0.1:10000&protocol=http");
        assert_eq!(emulator.url("acc"), "http://127.0.0.1:10000/acc");
        let domain = "blob.core.chinacloudapi.cn";
        let china = azure(&format!("azblob://c?domain={domain}"));
        assert_eq!(china.url("acc"), format!("https://acc.{domain}"));
        assert_eq!(
            position("azblob://c?domain=store:1&localemu=true"),
            AccountPosition::Path
        );
        assert_eq!(
            azure("azblob://c?domain=cdn.example.com&cdn=true").url("acc"),
            "https://cdn.example.com"
        );
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for uri in [
            "",
            "bucket",
            "s3:/b",
            "s3://",
            "s3:///x",
            "http://b",
            "s3://b c",
            "s3://b/#x",
            "file://host/x",
            "file:///",
        ] {
            let found = BucketUri::parse(uri).unwrap_err();
            assert!(
                matches!(&*found, [BucketUriFault::NotABucket { .. }]),
                "{uri}: {found:?}"
            );
        }
        for uri in [
            "s3://b//x",
            "s3://b/../x",
            "s3://b/x%00",
            "s3://b?prefix=../",
        ] {
            let found = BucketUri::parse(uri).unwrap_err();
            assert_eq!(found, [BucketUriFault::Path], "{uri}");
        }
    }

    #[test]
    fn every_fault_of_a_uri_is_told_at_once_and_no_secret_with_it() {
        insta::assert_snapshot!(faults("s3://b?regoin=x&disableSSL=yes&use_path_style=true&use_path_style=false&secret_access_key=hush&profile=p"), @r"
        `bucketURI` has the parameter `use_path_style` twice: keep one of them
        the parameter `disableSSL` of `bucketURI` can't have that value: write `true` or `false`
        `bucketURI` has the unknown parameter `profile`: name a secret in `bucketConfig.secretName`
        `bucketURI` has the unknown parameter `regoin`: did you mean `region`?
        `bucketURI` has the unknown parameter `secret_access_key`: docs/buckets.md lists them; credentials belong into a secret
        ");
        insta::assert_snapshot!(faults("s3://me:hush@b/x"), @r"
        `bucketURI` holds a user name or password: put them into a secret and name it in `bucketConfig.secretName`
        ");
        insta::assert_snapshot!(faults("gs://b?region=x&endpoint=y"), @r"
        `bucketURI` has the unknown parameter `endpoint`: known are `prefix` and `anonymous`
        `bucketURI` has the unknown parameter `region`: known are `prefix` and `anonymous`
        ");
        insta::assert_snapshot!(faults("azblob://c?protocol=ftp&domian=x"), @r"
        the parameter `protocol` of `bucketURI` can't have that value: write `https` or `http`
        `bucketURI` has the unknown parameter `domian`: did you mean `domain`?
        ");
        insta::assert_snapshot!(faults("s3://b?endpoint=http://me:hush@minio"), @r"
        `bucketURI` holds a user name or password: put them into a secret and name it in `bucketConfig.secretName`
        ");
    }
}
