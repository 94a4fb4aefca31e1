//! Takes faults away from a plan for as long as it still fails.

use crate::world::Plan;

/// Runs that it takes at most.
const RUNS_MAX: usize = 80;

/// The plan with as few faults as were found to do. `fails` runs it.
pub fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut least = plan.clone();
    let mut piece = least.faults.len().div_ceil(2).max(1);
    let mut runs = 0;
    loop {
        let mut at = 0;
        let mut shrunk = false;
        while at < least.faults.len() && runs < RUNS_MAX {
            let mut fewer = least.clone();
            let end = (at + piece).min(fewer.faults.len());
            fewer.faults.drain(at..end);
            runs += 1;
            if fails(&fewer) {
                (least, shrunk) = (fewer, true);
            } else {
                at = end;
            }
        }
        if runs >= RUNS_MAX || (piece == 1 && !shrunk) {
            return least;
        }
        piece = piece.div_ceil(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fault::Kind;

    #[test]
    fn what_is_not_needed_goes() {
        let mut plan = (1..).map(|seed| Plan::of_seed(seed, 60_000)).find(|plan| plan.faults.len() > 20);
        let plan = plan.as_mut().expect("some seed has many faults");
        let needed = [plan.faults[3].clone(), plan.faults[17].clone()];
        let least = shrink(plan, |plan| needed.iter().all(|fault| plan.faults.contains(fault)));
        assert_eq!(least.faults, needed);
        let none = shrink(plan, |_| true);
        assert!(none.faults.is_empty());
        plan.faults.retain(|fault| fault.kind == Kind::Churn);
        assert_eq!(shrink(plan, |_| false).faults, plan.faults);
    }
}
