//! Jars in buckets: of a real S3 server, a real Azurite, a stand-in of Google's, and of directories.

mod azure;
mod azurite;
mod directory;
mod google;
mod google_server;
mod s3;
pub(crate) mod s3_server;
mod trouble;

use std::fs;
use std::path::Path;
use std::time::Duration;

use jetkeeper::artifacts::{ArtifactOptions, JarProblem, JarRequest, JarView, JarViews};
use jetkeeper::resources::JarOrigin;
use tokio::time::timeout;

use crate::artifacts::{DEADLINE, Jars};

/// The jar of this name there, opened with the secret `br`.
fn request(uri: &str, jar_name: &str) -> JarRequest {
    JarRequest {
        origin: JarOrigin::Bucket {
            uri: uri.to_owned(),
            jar_name: jar_name.to_owned(),
            secret_name: Some("br".to_owned()),
        },
        main_class: None,
    }
}

/// Writes a secret's keys below this directory, one file each.
pub(crate) fn write_secret(directory: &Path, name: &str, keys: &[(&str, &str)]) {
    let secret = directory.join(name);
    fs::create_dir_all(&secret).unwrap();
    for (key, value) in keys {
        let written = secret.join(format!(".{key}"));
        fs::write(&written, value).unwrap();
        fs::rename(&written, secret.join(key)).unwrap();
    }
}

/// Jars with the secret `br` of these keys, and with what is set.
async fn jars_with(keys: &[(&str, &str)], set: impl FnOnce(&mut ArtifactOptions)) -> Jars {
    let scratch = tempfile::tempdir().unwrap();
    write_secret(&scratch.path().join("secrets"), "br", keys);
    Jars::start_in(scratch, |options| {
        options.secret_interval = Duration::from_millis(20);
        set(options);
    })
    .await
}

/// Why the jar can't be had, once that is told in these words.
async fn until_told(jars: &mut Jars, request: &JarRequest, words: &str) -> (JarProblem, String) {
    jars.want([request.clone()]);
    let told = |views: &JarViews| match views.get(request) {
        Some(JarView::Unavailable {
            problem, message, ..
        }) => message.contains(words).then(|| (*problem, message.clone())),
        _ => None,
    };
    let found = jars.views.wait_for(|views| told(views).is_some());
    let found = timeout(DEADLINE, found).await.is_ok();
    let views = jars.views.borrow();
    assert!(
        found,
        "waited in vain for {words:?}: {:?}",
        views.get(request)
    );
    told(&views).expect("it is still told")
}

/// Looks at jars again all the time.
fn often(options: &mut ArtifactOptions) {
    options.recheck = Duration::from_millis(20);
}
