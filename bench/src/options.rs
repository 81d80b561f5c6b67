//! The command line.

use std::{path::PathBuf, time::Duration};

pub(crate) struct Options {
    pub(crate) root: PathBuf,
    /// How long each leg of a scenario lasts.
    pub(crate) leg: Duration,
    /// Records that are made before start-up is measured again; 0 leaves that out.
    pub(crate) records: u64,
    /// Items that are made before DynamoDB is measured again; 0 leaves that out.
    pub(crate) items: u64,
    /// Objects in a cloud of their own, with which its memory is measured; 0 leaves that out.
    pub(crate) objects: u64,
    pub(crate) schedules: u64,
    pub(crate) readme: bool,
    /// A bar that is missed fails the run.
    pub(crate) hold: bool,
    /// Names, or empty for all.
    pub(crate) only: Vec<String>,
    pub(crate) scenarios: Vec<String>,
}

impl Options {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == name)
    }
}

const USAGE: &str =
    "usage: bench [--only NAME,...] [--scenario NAME,...] [--seconds N] [--records N] [--items N]
             [--objects N] [--schedules N] [--readme] [--hold]

  --only      contestants: virga, fakecloud, fakecloud-disk, ministack, moto, dynalite, nginx
  --scenario  names from bench/scenarios.json
  --seconds   length of each leg (default 1.5)
  --records   records for the measurement of a grown cloud (default 100000; 0 leaves it out)
  --items     items of a DynamoDB table that is measured again when it is large, made within ten minutes (default 0)
  --objects   objects in a bucket, made within ten minutes, with which memory and listing are measured (default 0)
  --schedules schedules that stand, made within ten minutes, whose cost is measured (default 0)
  --readme    write the table into README.md, between its `bench` marks
  --hold      fail when a bar is missed (first answer, memory, size, ...)";

pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
    // The harness belongs to the checkout that it was built in.
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default();
    let leg = Duration::from_millis(1500);
    let mut options = Options {
        root,
        leg,
        records: 100_000,
        items: 0,
        objects: 0,
        schedules: 0,
        readme: false,
        hold: false,
        only: Vec::new(),
        scenarios: Vec::new(),
    };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        match name.as_str() {
            "--readme" => options.readme = true,
            "--hold" => options.hold = true,
            name => valued(&mut options, name, rest.next().ok_or(USAGE)?)?,
        }
    }
    Ok(options)
}

fn valued(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    let names = || value.split(',').map(str::to_owned).collect();
    match name {
        "--only" => options.only = names(),
        "--scenario" => options.scenarios = names(),
        "--items" => options.items = value.parse().map_err(|_| USAGE)?,
        "--objects" => options.objects = value.parse().map_err(|_| USAGE)?,
        "--schedules" => options.schedules = value.parse().map_err(|_| USAGE)?,
        "--records" => options.records = value.parse().map_err(|_| USAGE)?,
        "--seconds" => {
            let seconds: f64 = value.parse().map_err(|_| USAGE)?;
            options.leg = Duration::try_from_secs_f64(seconds).map_err(|_| USAGE)?;
        }
        _ => return Err(USAGE.to_owned()),
    }
    Ok(())
}
