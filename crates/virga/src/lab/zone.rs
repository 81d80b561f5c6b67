//! "Survive the loss of a zone": each zone in which the service has a machine fails once, for as long as it takes to see
//! that the others serve and that the group makes up for what it has lost.

use crate::apps::{self, Deployed, Member, PATIENCE, Proof, Site, Trial, Tried, members, patiently, settled};
use crate::client;
use serde_json::json;
use std::collections::BTreeSet;

const PORT: u16 = 80;

pub(super) fn check<'s>(endpoint: &'s str, lab: &'s Deployed, tell: &dyn Fn(&Proof)) -> Vec<Proof> {
    let trials = Trials { site: Site::new(endpoint), lab };
    let tries: [Trial<Trials<'s>>; 3] = [
        ("the service answers", Trials::serves),
        ("it answers when any of its zones fails", Trials::outlives),
        ("with a zone gone, the group makes up for what it has lost", Trials::heals),
    ];
    apps::prove(&trials, &tries, tell)
}

struct Trials<'s> {
    site: Site<'s>,
    lab: &'s Deployed,
}

/// A zone that has failed, until this is dropped or mended.
struct Failed<'s>(&'s str, &'s str);

impl<'s> Failed<'s> {
    fn fail(endpoint: &'s str, zone: &'s str) -> Result<Failed<'s>, String> {
        client::call(endpoint, "POST", "/_virga/az", &json!({ "fail": zone }).to_string())?;
        Ok(Failed(endpoint, zone))
    }
}

impl Drop for Failed<'_> {
    fn drop(&mut self) {
        let order = json!({ "restore": self.1 }).to_string();
        if let Err(why) = client::call(self.0, "POST", "/_virga/az", &order) {
            eprintln!("{} is still down ({why}): virga az restore {}", self.1, self.1);
        }
    }
}

impl Trials<'_> {
    fn members(&self) -> Result<Vec<Member>, String> {
        members(&self.site.root, self.lab.output("Group"))
    }

    /// One of these that answers, from the internet.
    fn any_answers(&self, of: &[Member]) -> Result<Member, String> {
        let mut why = "there is no machine".to_owned();
        for one in of {
            match self.site.page(&one.id, PORT) {
                Ok(_) => return Ok(one.clone()),
                Err(said) => why = format!("{} in {}: {said}", one.id, one.zone),
            }
        }
        Err(why)
    }

    fn serves(&self) -> Tried {
        let one = patiently(|| self.any_answers(&self.members()?))?;
        Ok((format!("{} in {} answers", one.id, one.zone), None))
    }

    /// The group's machines once it has come to rest: as many as it shall have, all in service, each answering. What
    /// has just been launched gets the time that it needs, and what a zone that came back made the group do is over.
    fn settled(&self) -> Result<Vec<Member>, String> {
        patiently(|| {
            let all = settled(&self.site.root, self.lab.output("Group"))?;
            for one in &all {
                self.any_answers(std::slice::from_ref(one))?;
            }
            Ok(all)
        })
    }

    fn outlives(&self) -> Tried {
        let mut told = Vec::new();
        let zones: BTreeSet<String> = self.settled()?.into_iter().map(|one| one.zone).collect();
        for zone in &zones {
            let rest = patiently(|| {
                let rest: Vec<Member> = self.settled()?.into_iter().filter(|one| one.zone != *zone).collect();
                if rest.is_empty() { Err(format!("nothing serves outside of {zone}")) } else { Ok(rest) }
            })?;
            let _down = Failed::fail(self.site.endpoint, zone)?;
            // Only what served before counts: a machine that the group launches now is what heals, not what outlives.
            let one =
                patiently(|| self.any_answers(&rest)).map_err(|why| format!("with {zone} gone: {why}"))?;
            told.push(format!("without {zone}, {} in {} answers", one.id, one.zone));
        }
        Ok((told.join("; "), None))
    }

    fn heals(&self) -> Tried {
        let before = self.settled()?;
        let zone = before.first().ok_or("there is no machine")?.zone.clone();
        let _down = Failed::fail(self.site.endpoint, &zone)?;
        let after = patiently(|| {
            let now: Vec<Member> = self.members()?.into_iter().filter(|one| one.zone != zone).collect();
            match now.len() >= before.len() {
                true => Ok(now),
                false => Err(format!(
                    "{} of {} machines serve {} s after {zone} was lost",
                    now.len(),
                    before.len(),
                    PATIENCE.as_secs()
                )),
            }
        })?;
        let one = patiently(|| self.any_answers(&after))?;
        Ok((format!("without {zone}, {} machines serve, {} among them", after.len(), one.id), None))
    }
}
