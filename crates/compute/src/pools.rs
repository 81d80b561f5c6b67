//! From which pool the next machine comes, and from which one goes: the allocation strategies of fleets and groups. Pure.
//!
//! A pool is machines of one type in one zone. What AWS knows of the capacity that is to spare it does not tell; here it
//! follows from the price curve: the less a pool costs beside its price on demand, the more of it is to spare. Strategies
//! that weigh capacity first choose among that half of the pools which has the most.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-allocation-strategy.html>

/// Weights and units are counted in thousandths.
pub(crate) const UNIT: i64 = 1000;

/// A pool as a strategy sees it.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Pool {
    /// What an hour of a machine costs, in millionths of a dollar.
    pub(crate) price: i64,
    /// What it costs of its price on demand, in thousandths.
    pub(crate) scarcity: i64,
    /// The units of one machine.
    pub(crate) weight: i64,
    /// The least is the first; who has none is the last.
    pub(crate) priority: Option<i64>,
    /// A machine can be had there.
    pub(crate) open: bool,
    /// The units that it has already.
    pub(crate) held: i64,
}

impl Pool {
    fn by_unit(&self) -> i64 {
        self.price.saturating_mul(UNIT) / self.weight.max(1)
    }

    fn rank(&self) -> i64 {
        self.priority.unwrap_or(i64::MAX)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strategy {
    /// Evenly over so many of the cheapest pools.
    LowestPrice(usize),
    Diversified,
    CapacityOptimized,
    CapacityOptimizedPrioritized,
    PriceCapacityOptimized,
    Prioritized,
}

impl Strategy {
    /// By AWS's name, `lowest-price`; `pools` is for that one.
    pub(crate) fn named(name: &str, pools: usize) -> Option<Strategy> {
        Some(match name {
            "lowest-price" => Strategy::LowestPrice(pools.max(1)),
            "diversified" => Strategy::Diversified,
            "capacity-optimized" => Strategy::CapacityOptimized,
            "capacity-optimized-prioritized" => Strategy::CapacityOptimizedPrioritized,
            "price-capacity-optimized" => Strategy::PriceCapacityOptimized,
            "prioritized" => Strategy::Prioritized,
            _ => return None,
        })
    }

    /// The pool of the next machine, of those that are open; `missing` is what the whole still lacks in units.
    pub(crate) fn next(self, pools: &[Pool], missing: i64) -> Option<usize> {
        // AWS: where one machine is enough whatever its type, it is the price of the machine that counts.
        let is_one = pools.iter().all(|pool| pool.weight > missing && pool.held == 0);
        let cost = |at: &usize| if is_one { pools[*at].price } else { pools[*at].by_unit() };
        let mut open: Vec<usize> = (0..pools.len()).filter(|at| pools[*at].open).collect();
        match self {
            Strategy::LowestPrice(count) => {
                open.sort_by_key(|at| (cost(at), *at));
                open.truncate(count);
                open.into_iter().min_by_key(|at| (pools[*at].held, cost(at), *at))
            }
            Strategy::Diversified => open.into_iter().min_by_key(|at| (pools[*at].held, cost(at), *at)),
            Strategy::CapacityOptimized => {
                open.into_iter().min_by_key(|at| (pools[*at].scarcity, cost(at), *at))
            }
            Strategy::CapacityOptimizedPrioritized => {
                let roomy = roomy(pools, open).into_iter();
                roomy.min_by_key(|at| (pools[*at].rank(), pools[*at].scarcity, *at))
            }
            Strategy::PriceCapacityOptimized => {
                roomy(pools, open).into_iter().min_by_key(|at| (cost(at), *at))
            }
            Strategy::Prioritized => open.into_iter().min_by_key(|at| (pools[*at].rank(), *at)),
        }
    }

    /// The pool that gives a machine back; of those whose machines are no more than the whole has too much.
    pub(crate) fn last(self, pools: &[Pool], over: i64) -> Option<usize> {
        let held = (0..pools.len()).filter(|at| pools[*at].held > 0 && pools[*at].weight <= over);
        match self {
            Strategy::LowestPrice(_) => held.max_by_key(|at| (pools[*at].by_unit(), *at)),
            Strategy::Diversified => held.max_by_key(|at| (pools[*at].held, *at)),
            Strategy::CapacityOptimized | Strategy::PriceCapacityOptimized => {
                held.max_by_key(|at| (pools[*at].scarcity, *at))
            }
            Strategy::CapacityOptimizedPrioritized | Strategy::Prioritized => {
                held.max_by_key(|at| (pools[*at].rank(), *at))
            }
        }
    }
}

/// The half of some pools that has the most to spare.
fn roomy(pools: &[Pool], mut some: Vec<usize>) -> Vec<usize> {
    some.sort_by_key(|at| (pools[*at].scarcity, *at));
    some.truncate(some.len().div_ceil(2));
    some
}

#[cfg(test)]
mod tests {
    use super::{Pool, Strategy, UNIT};

    /// Price, scarcity, units of a machine, priority.
    fn pools(all: &[(i64, i64, i64, Option<i64>)]) -> Vec<Pool> {
        let pool = |(price, scarcity, weight, priority): &(i64, i64, i64, Option<i64>)| Pool {
            price: *price,
            scarcity: *scarcity,
            weight: weight * UNIT,
            priority: *priority,
            open: true,
            held: 0,
        };
        all.iter().map(pool).collect()
    }

    /// How many machines each pool gets for so many units.
    fn filled(strategy: Strategy, pools: &mut [Pool], units: i64) -> Vec<i64> {
        let mut machines = vec![0; pools.len()];
        let mut missing = units * UNIT;
        while missing > 0 {
            let Some(at) = strategy.next(pools, missing) else { break };
            machines[at] += 1;
            pools[at].held += pools[at].weight;
            missing -= pools[at].weight;
        }
        machines
    }

    #[test]
    fn each_strategy_fills_the_pools_that_it_is_named_for() {
        let four = [(50, 500, 1, Some(2)), (40, 600, 1, Some(0)), (30, 700, 1, None), (60, 400, 1, Some(1))];
        for (strategy, expected) in [
            (Strategy::LowestPrice(1), [0, 0, 6, 0]),
            (Strategy::LowestPrice(2), [0, 3, 3, 0]),
            (Strategy::Diversified, [1, 2, 2, 1]),
            (Strategy::CapacityOptimized, [0, 0, 0, 6]),
            // Of the two with the most to spare, the one with the higher priority, or the cheaper one.
            (Strategy::CapacityOptimizedPrioritized, [0, 0, 0, 6]),
            (Strategy::PriceCapacityOptimized, [6, 0, 0, 0]),
            (Strategy::Prioritized, [0, 6, 0, 0]),
        ] {
            assert_eq!(filled(strategy, &mut pools(&four), 6), expected, "{strategy:?}");
        }
    }

    #[test]
    fn what_is_closed_is_passed_over() {
        let mut three = pools(&[(30, 1, 1, None), (40, 2, 1, None), (50, 3, 1, None)]);
        three[0].open = false;
        assert_eq!(filled(Strategy::LowestPrice(1), &mut three, 2), [0, 2, 0]);
        three.iter_mut().for_each(|pool| pool.open = false);
        assert_eq!(Strategy::Diversified.next(&three, UNIT), None);
    }

    #[test]
    fn prices_are_of_a_unit_but_where_one_machine_is_enough() {
        // The larger one is cheaper by the unit, and dearer as a machine.
        let mut two = pools(&[(30, 1, 1, None), (80, 1, 4, None)]);
        assert_eq!(filled(Strategy::LowestPrice(1), &mut two.clone(), 8), [0, 2]);
        two[0].weight = 2 * UNIT;
        assert_eq!(filled(Strategy::LowestPrice(1), &mut two, 1), [1, 0]);
        // The last machine may go beyond.
        let mut one = pools(&[(30, 1, 3, None)]);
        assert_eq!(filled(Strategy::LowestPrice(1), &mut one, 4), [2]);
    }

    #[test]
    fn what_goes_is_what_the_strategy_likes_least() {
        let mut three = pools(&[(30, 9, 1, Some(0)), (40, 2, 1, Some(1)), (50, 3, 4, None)]);
        three[0].held = 3 * UNIT;
        three[1].held = UNIT;
        three[2].held = 4 * UNIT;
        for (strategy, over, expected) in [
            (Strategy::LowestPrice(1), 1, Some(1)),
            (Strategy::Diversified, 4, Some(2)),
            (Strategy::Diversified, 1, Some(0)),
            (Strategy::CapacityOptimized, 4, Some(0)),
            (Strategy::Prioritized, 4, Some(2)),
            (Strategy::Prioritized, 0, None),
        ] {
            assert_eq!(strategy.last(&three, over * UNIT), expected, "{strategy:?} {over}");
        }
    }

    #[test]
    fn strategies_have_names() {
        assert_eq!(Strategy::named("lowest-price", 3), Some(Strategy::LowestPrice(3)));
        assert_eq!(Strategy::named("cheapest", 1), None);
    }
}
