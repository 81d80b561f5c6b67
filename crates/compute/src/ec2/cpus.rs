//! The processors of a machine: cores and threads of each, fewer than its type has where a launch says so. That many it may
//! take; what it costs is the type's.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-cpu-options-rules.html>

use super::kinds::{self, InstanceType};
use super::model::{Cpus, Instance};
use ec2::{Ec2Error, Plain};

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted {
        pub(crate) cores: Option<i64> = "CoreCount",
        pub(crate) threads: Option<i64> = "ThreadsPerCore",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        pub(crate) cores: i64 = "CoreCount",
        pub(crate) threads: i64 = "ThreadsPerCore",
    }
}

impl InstanceType {
    /// Threads of each core; T2's processors are whole cores.
    pub(crate) fn threads(&self) -> i64 {
        if self.is_nitro() { 2 } else { 1 }
    }

    pub(crate) fn cores(&self) -> i64 {
        self.cpus / self.threads()
    }

    /// How many of them a machine may have: of those with two threads an even number, where there is more than one.
    pub(crate) fn valid_cores(&self) -> Vec<i64> {
        let pairs = self.threads() > 1 && self.cores() > 1;
        (1..=self.cores()).filter(|count| !pairs || count % 2 == 0).collect()
    }

    pub(crate) fn valid_threads(&self) -> Vec<i64> {
        (1..=self.threads()).collect()
    }
}

impl Cpus {
    /// As a launch wants them; as the type has them where it does not say.
    ///
    /// # Errors
    /// `MissingParameter` for half of it, `InvalidParameterValue` for numbers that the type does not come in, and
    /// `Unsupported` for types that come in one.
    pub(crate) fn wanted(wanted: Option<&Wanted>, kind: &InstanceType) -> Result<Cpus, Ec2Error> {
        let Some(wanted) = wanted else { return Ok(Cpus::default()) };
        let (Some(cores), Some(threads)) = (wanted.cores, wanted.threads) else {
            let what = "When specifying CpuOptions you must specify both CoreCount and ThreadsPerCore.";
            return Err(Plain::MissingTarget(what.into()).into());
        };
        // AWS: T2 is not among the types whose options may be said.
        if !kind.is_nitro() {
            let what = "The requested configuration is currently not supported. Please check the documentation for supported configurations.";
            return Err(Plain::Unsupported(what.into()).into());
        }
        let rows = [
            (cores, kind.valid_cores(), "CpuOptions.CoreCount"),
            (threads, kind.valid_threads(), "CpuOptions.ThreadsPerCore"),
        ];
        for (value, valid, name) in rows {
            if !valid.contains(&value) {
                let valid: Vec<String> = valid.iter().map(i64::to_string).collect();
                let why = format!("Valid values for {}: {}.", kind.name, valid.join(", "));
                return Err(Ec2Error::value(value, name, &why));
            }
        }
        Ok(Cpus { cores, threads })
    }

    fn count(&self) -> i64 {
        self.cores * self.threads
    }
}

/// How many processors a machine of a type has.
pub(crate) fn count(instance: &Instance, kind: &InstanceType) -> i64 {
    if instance.cpus.cores > 0 { instance.cpus.count() } else { kind.cpus }
}

/// What is shown of a machine; nothing where its type is not known.
pub(crate) fn view(instance: &Instance) -> Option<View> {
    let kind = kinds::find(&instance.kind)?;
    let Cpus { cores, threads } = instance.cpus;
    Some(match cores {
        0 => View { cores: kind.cores(), threads: kind.threads() },
        _ => View { cores, threads },
    })
}

/// What asks for others like this one.
pub(crate) fn like(instance: &Instance) -> Option<Wanted> {
    view(instance)
        .map(|view| Wanted { cores: Some(view.cores), threads: Some(view.threads) })
        .filter(|_| kinds::find(&instance.kind).is_some_and(InstanceType::is_nitro))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_in_some_numbers_of_cores() {
        for (name, cores, valid) in [
            ("t2.micro", 1, &[1][..]),
            ("t2.large", 2, &[1, 2]),
            ("t3.nano", 1, &[1]),
            ("t3.xlarge", 2, &[2]),
            ("m5.4xlarge", 8, &[2, 4, 6, 8]),
        ] {
            let kind = kinds::find(name).unwrap();
            assert_eq!((kind.cores(), &kind.valid_cores()[..]), (cores, valid), "{name}");
        }
    }

    #[test]
    fn what_a_type_does_not_come_in_is_refused() {
        let wanted = |kind: &str, cores, threads| {
            let wanted = Wanted { cores, threads };
            Cpus::wanted(Some(&wanted), kinds::find(kind).unwrap()).map_err(|why| why.code().to_owned())
        };
        assert_eq!(wanted("m5.4xlarge", Some(4), Some(1)), Ok(Cpus { cores: 4, threads: 1 }));
        for (kind, cores, threads, code) in [
            ("m5.4xlarge", Some(4), None, "MissingParameter"),
            ("m5.4xlarge", None, Some(1), "MissingParameter"),
            ("m5.4xlarge", Some(3), Some(1), "InvalidParameterValue"),
            ("m5.4xlarge", Some(4), Some(4), "InvalidParameterValue"),
            ("t2.large", Some(1), Some(1), "Unsupported"),
        ] {
            assert_eq!(wanted(kind, cores, threads), Err(code.into()), "{kind} {cores:?} {threads:?}");
        }
        assert_eq!(Cpus::wanted(None, kinds::find("t2.large").unwrap()).unwrap(), Cpus::default());
    }
}
