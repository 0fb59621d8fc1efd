//! Two daemons want one state.

use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::program::Program;

#[test]
fn one_state_has_one_daemon() {
    let mut stage = Stage::shared();
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);

    let state = stage.state().display().to_string();
    let second = stage.run_to_its_end().code(1);
    assert!(second.stderr.contains(&state), "{second:?}");
    assert!(second.stderr.contains("in use by process"), "{second:?}");
    for command in [&["apply"][..], &["state", "rebuild"]] {
        let refused = Program::run(stage.keeping(command, &[])).code(1);
        assert!(refused.stderr.contains("reconcile --wait"), "{refused:?}");
    }
    stage.reconcile();
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}
