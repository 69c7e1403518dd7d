use crate::time::Span;

/// A budget of named amounts: tokens, cents, rounds.
#[derive(Clone, PartialEq, Debug)]
pub struct CostConfig {
    /// Policies that give the same name share the budget.
    pub name: String,
    /// Amount and its limit, at most eight, in the order of their names.
    pub limits: Vec<(String, u64)>,
    /// The budget fills up again at the start of each period; `None`: never.
    pub per: Option<Span>,
}
