//! What a run will be: everything a seed decides, as data in a file.

use super::fault::{self, Fault};
use super::knobs::Knobs;
use env::{Plant, Rng};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// A run, before it has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Decides every draw while it runs.
    pub seed: u64,
    /// A known mistake that is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<String>,
    /// Sizes, speeds and habits.
    pub knobs: Knobs,
    /// What goes wrong, by time.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The run of a seed, with users at work for so long.
    pub fn of_seed(seed: u64, work_ms: u64) -> Plan {
        let rng = Rng::from_seed(seed);
        let knobs = Knobs::draw(&rng, work_ms);
        let faults = fault::draw(&rng, &knobs);
        Plan { seed, plant: None, knobs, faults }
    }

    /// The run that a file describes.
    #[allow(clippy::disallowed_methods, reason = "a file of the tool's user, not of a simulated host")]
    pub fn read(file: &Path) -> io::Result<Plan> {
        let plan: Plan = serde_json::from_slice(&std::fs::read(file)?)?;
        if plan.plant.is_some() && plan.plant().is_none() {
            return Err(io::Error::other("the plan names a plant that is not there"));
        }
        Ok(plan)
    }

    /// The known mistake that is switched on.
    pub fn plant(&self) -> Option<Plant> {
        let name = self.plant.as_deref()?;
        Plant::ALL.iter().copied().find(|plant| plant.name() == name)
    }

    /// The streams of its seed.
    pub fn rng(&self) -> Rng {
        Rng::from_seed(self.seed)
    }
}
