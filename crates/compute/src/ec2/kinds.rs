//! Instance types: AWS's figures for those that people use.
//!
//! AWS: <https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html>

/// A type.
#[derive(Debug)]
pub(crate) struct InstanceType {
    pub(crate) name: &'static str,
    pub(crate) cpus: i64,
    pub(crate) memory_mib: i64,
    pub(crate) interfaces: i64,
    pub(crate) addresses: i64,
    pub(crate) network: &'static str,
    pub(crate) current: bool,
}

impl InstanceType {
    /// T types earn credits.
    pub(crate) fn is_burstable(&self) -> bool {
        self.name.starts_with('t')
    }
}

macro_rules! types {
    ($( $name:literal $cpus:literal $memory:literal $interfaces:literal $addresses:literal $network:literal $current:literal; )+) => {
        pub(crate) static TYPES: &[InstanceType] = &[ $( InstanceType {
            name: $name, cpus: $cpus, memory_mib: $memory, interfaces: $interfaces, addresses: $addresses,
            network: $network, current: $current,
        } ),+ ];
    };
}

types! {
    "m5.large" 2 8192 3 10 "Up to 10 Gigabit" true;
    "m5.xlarge" 4 16384 4 15 "Up to 10 Gigabit" true;
    "m5.2xlarge" 8 32768 4 15 "Up to 10 Gigabit" true;
    "m5.4xlarge" 16 65536 8 30 "Up to 10 Gigabit" true;
    "t2.nano" 1 512 2 2 "Low to Moderate" true;
    "t2.micro" 1 1024 2 2 "Low to Moderate" true;
    "t2.small" 1 2048 3 4 "Low to Moderate" true;
    "t2.medium" 2 4096 3 6 "Low to Moderate" true;
    "t2.large" 2 8192 3 12 "Low to Moderate" true;
    "t3.nano" 2 512 2 2 "Up to 5 Gigabit" true;
    "t3.micro" 2 1024 2 2 "Up to 5 Gigabit" true;
    "t3.small" 2 2048 3 4 "Up to 5 Gigabit" true;
    "t3.medium" 2 4096 3 6 "Up to 5 Gigabit" true;
    "t3.large" 2 8192 3 12 "Up to 5 Gigabit" true;
    "t3.xlarge" 4 16384 4 15 "Up to 5 Gigabit" true;
    "t3.2xlarge" 8 32768 4 15 "Up to 5 Gigabit" true;
}

pub(crate) fn find(name: &str) -> Option<&'static InstanceType> {
    TYPES.iter().find(|kind| kind.name == name)
}
