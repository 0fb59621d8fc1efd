//! The jar that a submit would use, and whether it can be.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::jar::{JarProblem, JarView, MainClass};
use super::super::job::JobView;
use super::super::record::{Deed, Deployed};
use super::super::upload::jar_of;
use crate::resources::{Digest, JarOrigin, JetJobSpec, RemoteUrl};

/// The jar's digest, or its path on the members.
type Jar = (Option<Digest>, Option<String>);

/// What a submit would use now, where the jar is known; holds nothing.
pub(super) fn deployed_now(draft: &Draft<'_>) -> Option<Deployed> {
    let jar = jar_now(draft)?;
    Some(with_jar(draft, jar))
}

/// The same for a job that runs already and whose jar may be another one.
pub(in crate::plan) fn declared_now(draft: &Draft<'_>, job: &JobView) -> Deployed {
    let mut deployed = with_jar(draft, (None, None));
    if let Some((jar, jar_on_member)) = jar_as_declared(draft, job, &deployed) {
        deployed.jar = jar;
        deployed.jar_on_member = jar_on_member;
    }
    deployed
}

/// The jar of a job that was not known to us so far: the declared one, unless the job says that it
/// was uploaded with another.
pub(in crate::plan) fn jar_as_declared(
    draft: &Draft<'_>,
    job: &JobView,
    deployed: &Deployed,
) -> Option<Jar> {
    let known = deployed.jar.is_some() || deployed.jar_on_member.is_some();
    if known || job.config.is_none() {
        return None;
    }
    jar_now(draft).filter(|(jar, _)| !uploaded_with_another(job, jar.as_ref()))
}

/// Whether the name that the upload gave the job's jar tells of other bytes than these.
pub(super) fn uploaded_with_another(job: &JobView, jar: Option<&Digest>) -> bool {
    let ids = job.config.iter().flat_map(|config| &config.resource_ids);
    let mut uploaded = ids.filter_map(|id| jar_of(id));
    uploaded.any(|short| jar.is_none_or(|jar| jar.short() != short))
}

fn jar_now(draft: &Draft<'_>) -> Option<Jar> {
    let (request, view) = draft.jar()?;
    match (view, &request.origin) {
        (JarView::Ready(facts), _) => Some((Some(pinned(draft, facts.digest)), None)),
        (JarView::OnMember, JarOrigin::Member { path }) => Some((None, Some(path.clone()))),
        _ => None,
    }
}

/// The digest that is in force: a remote jar keeps the one it had first.
fn pinned(draft: &Draft<'_>, seen: Digest) -> Digest {
    draft.record.pin.as_ref().map_or(seen, |pin| pin.digest)
}

fn with_jar(draft: &Draft<'_>, (jar, jar_on_member): Jar) -> Deployed {
    let spec = &draft.record.spec;
    Deployed {
        jar,
        jar_on_member,
        main_class: spec.main_class.clone(),
        parameters: spec.parameters.clone(),
        secret_parameters: spec.secret_parameters.clone(),
    }
}

/// What a submit would use, checked, or a hold that says what is wrong with it.
pub(super) fn checked_jar(draft: &mut Draft<'_>) -> Option<Deployed> {
    if !draft.in_force() {
        hold_for_document(draft);
        return None;
    }
    let Some((_, view)) = draft.jar() else {
        draft.undecided = true;
        draft.hold(Reason::JarFetching, "the jar is being looked for");
        return None;
    };
    match *view {
        JarView::OnMember => {}
        JarView::Fetching { bytes, total, .. } => {
            draft.undecided = true;
            draft.hold(Reason::JarFetching, progress(*bytes, *total));
            return None;
        }
        JarView::Unavailable {
            problem,
            message,
            retry_at,
        } => {
            let reason = reason_of(*problem);
            match retry_at {
                Some(at) => draft.hold_until(reason, *at, message.clone()),
                None => draft.hold(reason, message.clone()),
            }
            return None;
        }
        JarView::Ready(facts) => {
            if !same_bytes(draft, facts.digest) || !has_main(draft, &facts.main_class) {
                return None;
            }
        }
    }
    deployed_now(draft)
}

/// Without a document in force nothing is submitted; that is held already where it is faulty.
fn hold_for_document(draft: &mut Draft<'_>) {
    let explained = [Reason::Faulty, Reason::ImmutableField];
    let told = draft
        .holds()
        .iter()
        .any(|hold| explained.contains(&hold.reason));
    if !told {
        draft.hold(
            Reason::JarNotFound,
            "its document is gone, and so is its jar",
        );
    }
}

fn progress(bytes: u64, total: Option<u64>) -> String {
    const MIB: u64 = 1024 * 1024;
    match total {
        Some(total) => format!("fetching the jar: {} of {} MiB", bytes / MIB, total / MIB),
        None => format!("fetching the jar: {} MiB so far", bytes / MIB),
    }
}

fn reason_of(problem: JarProblem) -> Reason {
    match problem {
        JarProblem::NotFound | JarProblem::FetchFailed | JarProblem::Denied => Reason::JarNotFound,
        JarProblem::SecretMissing => Reason::SecretMissing,
        JarProblem::Unreadable
        | JarProblem::NotAJar
        | JarProblem::TooLarge
        | JarProblem::Unsupported => Reason::JarInvalid,
    }
}

fn same_bytes(draft: &mut Draft<'_>, digest: Digest) -> bool {
    let wanted = draft.record.spec.jar_sha256.as_ref();
    if let Some(wanted) = wanted.filter(|wanted| !wanted.eq_ignore_ascii_case(&digest.to_string()))
    {
        let message = format!("the jar's SHA-256 is {digest}, jarSha256 asks for {wanted}");
        draft.hold(Reason::JarDigestMismatch, message);
        return false;
    }
    let pin = draft.record.pin.as_ref().map(|pin| pin.digest);
    if pin.is_none_or(|pin| pin == digest) {
        return true;
    }
    let spec = &draft.record.spec;
    let place = match &spec.bucket_config {
        Some(_) => format!(
            "of {} in its bucket",
            spec.jar_name.as_deref().unwrap_or("the jar")
        ),
        None => "behind the jar's URL".to_owned(),
    };
    let message = format!(
        "the bytes {place} changed to {}; change the spec (jarSha256, say) or confirm that the new \
         ones may be used",
        digest.short()
    );
    let confirmed = draft.ask(
        Reason::JarChanged,
        Deed::TakeJar(Some(digest)),
        Release::Confirm,
        message,
    );
    if confirmed && let Some(pin) = &mut draft.edit().pin {
        pin.digest = digest;
    }
    confirmed
}

fn has_main(draft: &mut Draft<'_>, main_class: &MainClass) -> bool {
    let message = match main_class {
        MainClass::Found(_) => return true,
        MainClass::Absent(class) => format!("the jar has no class {class}; mend mainClass"),
        MainClass::Unspecified => {
            "neither mainClass nor the jar's manifest (Main-Class) names a class to run".to_owned()
        }
    };
    draft.hold(Reason::MainClassMissing, message);
    false
}

/// The jar that the document asks for, by its name and the start of its digest.
pub(super) fn in_words(spec: &JetJobSpec, deployed: &Deployed) -> String {
    if let Some(path) = &deployed.jar_on_member {
        return format!("{path} on the members");
    }
    let url = spec.remote_url.as_ref().map(RemoteUrl::shown);
    let name = spec.jar_name.as_deref().or(url).unwrap_or("jar");
    match deployed.jar {
        Some(digest) => format!("{name}, sha256 {}", digest.short()),
        None => name.to_owned(),
    }
}
