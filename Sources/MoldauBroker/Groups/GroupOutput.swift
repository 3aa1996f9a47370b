/// What the handling of an event in one group leads to, before it is put in order.
struct GroupOutput {
    var answers: [(ticket: GroupTicket, answer: GroupAnswer)] = []
    var records: [GroupRecord] = []
    /// In whose transaction the records are.
    var producer: ProducerIdentity?

    mutating func answer(_ ticket: GroupTicket?, _ answer: GroupAnswer) {
        if let ticket { answers.append((ticket, answer)) }
    }
}
