//! The banned patterns as data. To add a rule, add an entry; the reason is printed where somebody trips over it.

/// A text that may not appear in some files.
pub(super) struct Rule {
    pub(super) patterns: &'static [&'static str],
    /// The pattern must not touch a letter, digit or underscore on either side.
    pub(super) whole_word: bool,
    /// Path prefixes that the rule is for; empty = everywhere.
    pub(super) within: &'static [&'static str],
    /// Path prefixes that it is not for.
    pub(super) except: &'static [&'static str],
    /// Only code that ships: not below `#[cfg(test)]`, not in a `tests` file or folder, not in a comment.
    pub(super) shipped_only: bool,
    pub(super) why: &'static str,
}

const ALWAYS: Rule =
    Rule { patterns: &[], whole_word: false, within: &[], except: &[], shipped_only: false, why: "" };

/// The service crates: each noun of AWS's lives in one of them.
pub(super) const SERVICES: &[&str] = &[
    "crates/security/",
    "crates/storage/",
    "crates/compute/",
    "crates/network/",
    "crates/database/",
    "crates/integration/",
    "crates/management/",
    "crates/ai/",
];

/// Crates whose code does no I/O, knows no clock and never waits.
const PURE: &[&str] = &["crates/base/", "crates/wire/", "crates/auth/", "crates/net/"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        patterns: &["/work/", "/tmp/wt", "/tmp/pv", "/root/", "/home/", "/Users/"],
        except: &["xtask/src/tidy/"],
        why: "an absolute path of one machine means nothing on another",
        ..ALWAYS
    },
    Rule {
        patterns: &[
            "crates.io",
            "pypi.org",
            "npmjs.org",
            "rust-lang.org",
            "rustup.rs",
            "golang.org",
            "maven.org",
        ],
        except: &["xtask/src/tidy/", "Cargo.lock", "tests/rust/lambda/Cargo.lock"],
        why: "registries are reached through their clients, by package name: their hosts differ from network to network",
        ..ALWAYS
    },
    Rule {
        patterns: &["TODO", "FIXME", "XXX", "HACK"],
        whole_word: true,
        except: &["xtask/src/tidy/", "CONTRIBUTING.md"],
        why: "unfinished work is not left in the tree: finish it, or let the operation say that it is not built",
        ..ALWAYS
    },
    Rule {
        patterns: &["as an AI", "language model, I", "Co-Authored-By"],
        except: &["xtask/src/tidy/"],
        why: "the text speaks for the project, not for how it was made",
        ..ALWAYS
    },
    Rule {
        patterns: &["SystemTime::now", "Utc::now", "OffsetDateTime::now", "Timestamp::now"],
        within: &["crates/"],
        except: &["crates/base/src/clock.rs"],
        why: "time comes from base::Clock, so that `virga clock` moves the whole cloud",
        ..ALWAYS
    },
    Rule {
        patterns: &["thread_rng", "rand::rng(", "Uuid::new_v4", "getrandom::"],
        within: &["crates/"],
        except: &["crates/base/"],
        why: "randomness comes from base::Rng, so that a seed replays a whole run",
        ..ALWAYS
    },
    Rule {
        patterns: &["format!(\"<", "push_str(\"<"],
        within: &["crates/"],
        // What a SAML provider has signed is a canonical form of its XML.
        except: &["crates/wire/", "crates/security/src/sts/saml/xml.rs"],
        shipped_only: true,
        why: "only `wire` knows XML: hand it a Value",
        ..ALWAYS
    },
    Rule {
        patterns: &["serde_json", "quick_xml"],
        within: SERVICES,
        // Documents that are JSON or XML whatever the protocol: SAML metadata and responses, JSON web tokens and key
        // sets, the syntax of a session policy, log events that hold JSON, an alarm's reason data, a dashboard.
        except: &[
            "crates/management/Cargo.toml",
            "crates/management/src/cloudwatch/ops/dashboard.rs",
            "crates/management/src/cloudwatch/ops/state.rs",
            "crates/management/src/logs/pattern/json.rs",
            "crates/security/Cargo.toml",
            "crates/security/src/iam/saml.rs",
            "crates/security/src/sts/issuer.rs",
            "crates/security/src/sts/jwt.rs",
            "crates/security/src/sts/policies.rs",
            "crates/security/src/sts/saml/xml.rs",
        ],
        shipped_only: true,
        why: "handlers see Values; what is JSON by AWS's definition (a policy document) has a type in `auth` or `wire`",
        ..ALWAYS
    },
    Rule {
        patterns: &[
            "std::fs",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "std::process",
            "tokio",
            "async fn",
            "SystemTime",
            "Instant::",
        ],
        within: PURE,
        except: &["crates/base/src/clock.rs"],
        shipped_only: true,
        why: "base, wire, auth and net are pure: no I/O, no waiting, no clock",
        ..ALWAYS
    },
    Rule {
        patterns: &["hyper::", "HeaderMap", "StatusCode"],
        within: SERVICES,
        // An element of SAML's protocol, a member of CloudWatch's answers; sites, which are no handlers.
        except: &[
            "crates/database/src/dynamodb/door.rs",
            "crates/security/src/sts/saml/mod.rs",
            "crates/management/src/cloudwatch/ops/get_data.rs",
            "crates/storage/src/s3/form/",
            "crates/storage/src/s3/sites/",
            // Lambda's Runtime API, which functions speak to.
            "crates/compute/Cargo.toml",
            "crates/compute/src/lambda/sandbox/api.rs",
            "crates/compute/src/lambda/sandbox/extensions.rs",
            // Functions that answer HTTP.
            "crates/compute/src/lambda/url/",
            // A member of an invocation's answer.
            "crates/compute/src/lambda/ops/invoke.rs",
            // A member of a job's description.
            "crates/storage/src/glacier/jobs.rs",
            // A member of an activity, and of the event that tells of it.
            "crates/compute/src/autoscaling/ops/activity.rs",
            "crates/compute/src/autoscaling/work/instance.rs",
            "crates/compute/src/autoscaling/work/notify.rs",
        ],
        shipped_only: true,
        why: "handlers see no HTTP: what they need from a header is a modelled member",
        ..ALWAYS
    },
    Rule {
        patterns: &["#[ignore", "@pytest.mark.skip", "pytest.mark.xfail"],
        except: &["xtask/src/tidy/"],
        why: "a test that is not run tells nothing: assert what is true today, or take it out",
        ..ALWAYS
    },
];
