/// The results of an event in one group, before they become actions.
struct GroupOutput {
    var answers: [(ticket: GroupTicket, answer: GroupAnswer)] = []
    var records: [GroupRecord] = []
    /// The producer in whose transaction the records are; nil outside a transaction.
    var producer: ProducerIdentity?

    mutating func answer(_ ticket: GroupTicket?, _ answer: GroupAnswer) {
        if let ticket { answers.append((ticket, answer)) }
    }
}
