//! Records of instances, key pairs and launch templates.

use base::Timestamp;
use store::Table;

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct KeyPair {
        1 => pub id: String,
        2 => pub name: String,
        /// `rsa` or `ed25519`.
        3 => pub kind: String,
        4 => pub fingerprint: String,
        /// As OpenSSH has it: `ssh-rsa AAAA… name`.
        5 => pub public: String,
        6 => pub created: Timestamp,
    }

    /// The instance profile that carries a role to an instance.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Association {
        /// `iip-assoc-…`
        1 => pub id: String,
        /// The profile's ARN.
        2 => pub arn: String,
        /// The profile's id: one that was made again under the same name is another.
        3 => pub profile: String,
        4 => pub since: Timestamp,
    }

    /// What an instance may read about itself, and how.
    #[derive(Clone, PartialEq, Debug)]
    pub struct MetadataOptions {
        /// Only with a token (IMDSv2).
        1 => pub tokens_required: bool,
        2 => pub disabled: bool,
        /// How many hops a token may travel; 0 is the default, 1.
        3 => pub hop_limit: i64,
        /// Its tags as well.
        4 => pub tags: bool,
        /// By IPv6 as well.
        5 => pub ipv6: bool,
    }

    /// What is announced to a spot machine two minutes before it is ended.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Notice {
        /// When it ends.
        1 => pub at: Timestamp,
        /// It is stopped, and else terminated.
        2 => pub stops: bool,
        /// The price has risen above its maximum; else its place is needed.
        3 => pub by_price: bool,
    }

    /// Under its id. What it is plugged into stands in [`ec2::attachment`].
    #[derive(Clone, PartialEq, Debug)]
    pub struct Instance {
        1 => pub id: String,
        2 => pub reservation: String,
        3 => pub index: i64,
        4 => pub image: String,
        5 => pub kind: String,
        6 => pub key_name: Option<String>,
        /// What is written into the machine: the key at the time of the launch.
        7 => pub public_key: Option<String>,
        8 => pub user_data: Vec<u8>,
        9 => pub zone: String,
        10 => pub subnet: String,
        11 => pub vpc: String,
        /// By device, the primary one first.
        12 => pub interfaces: Vec<String>,
        13 => pub address: String,
        /// AWS's number of the state: [`state`].
        14 => pub state: i64,
        15 => pub launched: Timestamp,
        /// When the state last changed.
        16 => pub since: Timestamp,
        17 => pub reason: Option<(String, String)>,
        18 => pub terminates_on_shutdown: bool,
        19 => pub termination_protected: bool,
        20 => pub stop_protected: bool,
        /// The primary address gets a public one at each start.
        21 => pub public: bool,
        /// How often it was asked to boot again.
        22 => pub reboots: u64,
        /// Its processes are not asked before they end.
        23 => pub forced: bool,
        24 => pub token: Option<String>,
        25 => pub profile: Option<Association>,
        26 => pub metadata: MetadataOptions,
        /// The request of a spot machine.
        27 => pub spot: Option<String>,
        28 => pub notice: Option<Notice>,
        /// What it boots from above the cloud's own image ([`super::image`]).
        29 => pub layer: Option<String>,
        /// Whether it may spend more CPU credits than it has, where that was said.
        30 => pub unlimited: Option<bool>,
        /// CloudWatch is told by the minute.
        31 => pub monitored: bool,
        /// The capacity reservation that it is in while it runs.
        32 => pub reserved: Option<String>,
        33 => pub wish: Wish,
        /// It has a kernel of its own.
        34 => pub virtual_machine: bool,
        /// It boots from its root by itself: that is a disk, and no files.
        35 => pub disk: bool,
        /// Its placement group's id.
        36 => pub group: Option<String>,
        /// Of that, from 1 on; 0 is none.
        37 => pub partition: i64,
        /// On hardware that no other account is on.
        38 => pub dedicated: bool,
        /// It boots from a volume, without which it does not start.
        39 => pub rooted: bool,
        /// It was asked for. Nothing here is slower without.
        40 => pub optimized: bool,
        /// Who started it may not have the data keys of its volumes opened, or who launched it none made.
        41 => pub locked: bool,
        /// It has been up: a start that goes wrong stops it, and does not end it.
        42 => pub ran: bool,
        43 => pub names: Names,
        /// As its type has them, where it says nothing.
        44 => pub cpus: Cpus,
        /// It is not to recover from failures of hardware.
        45 => pub unrecovered: bool,
        /// When it was launched first; none where that was before this was kept.
        46 => pub made: Option<Timestamp>,
        /// Nor to move where its reboot could.
        47 => pub unmoved: bool,
    }

    /// Cores, and threads of each.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Cpus {
        1 => pub cores: i64,
        2 => pub threads: i64,
    }

    /// What a machine is called ([`super::names`]).
    #[derive(Clone, PartialEq, Debug)]
    pub struct Names {
        /// By its id, not by its address.
        1 => pub by_id: bool,
        /// Whether its id has an address of IPv4 for the resolver, and of IPv6.
        2 => pub ipv4: bool,
        3 => pub ipv6: bool,
    }

    /// In which capacity reservation a machine is to be: in any that is open, unless it says otherwise.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Wish {
        /// In none.
        1 => pub none: bool,
        2 => pub target: Option<String>,
    }

    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Template {
        1 => pub id: String,
        2 => pub name: String,
        3 => pub created: Timestamp,
        /// Who made it.
        4 => pub by: String,
        /// The version that is meant where none is named.
        5 => pub default: i64,
        /// The highest number that was given; its version may be gone.
        6 => pub latest: i64,
    }

    /// Under its template's id and its number.
    #[derive(Clone, PartialEq, Debug)]
    pub struct TemplateVersion {
        1 => pub number: i64,
        2 => pub description: Option<String>,
        3 => pub created: Timestamp,
        4 => pub by: String,
        /// [`crate::ec2::template::Data`] as JSON.
        5 => pub data: String,
    }
}

pub const KEY_PAIRS: Table<KeyPair> = Table::new(0x2201, "compute/key-pairs");
pub const INSTANCES: Table<Instance> = Table::new(0x2202, "compute/instances");
pub const TEMPLATES: Table<Template> = Table::new(0x2210, "compute/launch-templates");
pub const TEMPLATE_VERSIONS: Table<TemplateVersion> = Table::new(0x2211, "compute/launch-template-versions");

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html>
pub mod state {
    pub const PENDING: i64 = 0;
    pub const RUNNING: i64 = 16;
    pub const SHUTTING_DOWN: i64 = 32;
    pub const TERMINATED: i64 = 48;
    pub const STOPPING: i64 = 64;
    pub const STOPPED: i64 = 80;

    pub fn word(code: i64) -> &'static str {
        match code {
            PENDING => "pending",
            RUNNING => "running",
            SHUTTING_DOWN => "shutting-down",
            TERMINATED => "terminated",
            STOPPING => "stopping",
            _ => "stopped",
        }
    }
}

impl MetadataOptions {
    pub fn hops(&self) -> i64 {
        self.hop_limit.max(1)
    }
}

impl Instance {
    pub fn is_over(&self) -> bool {
        matches!(self.state, state::SHUTTING_DOWN | state::TERMINATED)
    }

    /// Changes the state; a reason is a code, and words that follow it in the sentence that is shown.
    pub fn enter(&mut self, state: i64, now: Timestamp, reason: Option<(&str, &str)>) {
        self.state = state;
        self.since = now;
        self.reason = reason.map(|(code, words)| (code.to_owned(), format!("{code}: {words}")));
    }
}
