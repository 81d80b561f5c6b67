//! "Make this private subnet reach the internet": out by a NAT gateway, and nothing in.

use crate::apps::{self, Deployed, Proof, Site, Trial, Tried, patiently};

/// What the machine must reach: the cloud's own API by its name, as any program there would call it.
const OUT: &str = "sts.us-east-1.amazonaws.com";
const PORT: u16 = 8080;

pub(super) fn check<'s>(endpoint: &'s str, lab: &'s Deployed, tell: &dyn Fn(&Proof)) -> Vec<Proof> {
    let trials = Trials { site: Site::new(endpoint), lab };
    let tries: [Trial<Trials<'s>>; 3] = [
        ("the private machine reaches the internet", Trials::out),
        ("its address is not its own: it is translated", Trials::translated),
        ("nobody on the internet reaches the private machine", Trials::nothing_in),
    ];
    apps::prove(&trials, &tries, tell)
}

struct Trials<'s> {
    site: Site<'s>,
    lab: &'s Deployed,
}

impl Trials<'_> {
    fn machine(&self) -> &str {
        self.lab.output("PrivateMachine")
    }

    fn out(&self) -> Tried {
        let (connected, said) = self.site.connection(self.machine(), OUT, 443)?;
        if connected {
            return Ok((format!("{} connects to {OUT}:443", self.machine()), None));
        }
        let (why, ask) = self.site.obstacle(self.machine(), apps::OUTSIDE, 443)?;
        Err(format!("{said}: {why} ({ask})"))
    }

    fn translated(&self) -> Tried {
        let told = self.site.root.call("ec2", "DescribeInstances", &[("InstanceId.1", self.machine())])?;
        if let Some(own) = apps::xml::text(&told, "ipAddress") {
            return Err(format!("{} has a public address of its own, {own}", self.machine()));
        }
        let (connected, said) = self.site.connection(self.machine(), OUT, 443)?;
        if !connected {
            return Err(format!("it has no way out at all: {said}"));
        }
        Ok((format!("{} has no public address, and its packets get out", self.machine()), None))
    }

    fn nothing_in(&self) -> Tried {
        // What is asked for must be there, else its silence says nothing.
        patiently(|| match self.site.connection(self.machine(), "127.0.0.1", PORT)? {
            (true, _) => Ok(()),
            (false, said) => Err(format!("its server does not listen: {said}")),
        })?;
        // Whatever it would have said: that somebody is let in is what counts.
        match self.site.reach(self.machine(), PORT) {
            Ok(_) => Err(format!("{} is reached on port {PORT} from the internet", self.machine())),
            Err(why) => Ok((why, None)),
        }
    }
}
