import MoldauBroker
import MoldauRecords
import Testing

/// Members that join, stall, crash, rejoin and commit with the generation they know, in random order.
struct RandomGroupTests {
    @Test(arguments: UInt64(1)...30)
    func `each partition of a group has one owner, and commits of old generations are refused`(seed: UInt64) throws {
        var run = ClassicRun(seed)
        for _ in 0..<400 { try run.step() }
    }

    @Test(arguments: UInt64(1)...30)
    func `consumers never share a partition, and together own all partitions`(seed: UInt64) throws {
        var run = ConsumerRun(seed)
        for _ in 0..<300 { try run.step() }
        try run.settle()
    }
}

private let count: UInt8 = 6

extension GroupRecord {
    /// Of a group of the classic protocol.
    fileprivate var generation: Int32? {
        guard case .classicGroup(_, let record) = self else { return nil }
        return record?.generation
    }
}

/// The clients of one classic group: what they know, and their random steps.
private struct ClassicRun {
    struct Client {
        var id = ""
        var instance: String?
        var generation: Int32 = -1
        var join: GroupTicket?
    }

    let fixture: GroupFixture
    var random: SeededGenerator
    var clients: [Client]
    /// The newest generation that was sent to a client; after a restart the stored one, as a generation without an
    /// assignment is not stored.
    var newest: Int32 = 0

    init(_ seed: UInt64) {
        random = SeededGenerator(seed: seed)
        fixture = GroupFixture(delay: .seconds(1), seed: seed)
        clients = (0..<4).map { Client(instance: $0 == 0 ? "static" : nil) }
    }

    mutating func step() throws {
        try hearAnswers()
        let place = Int.random(in: 0..<clients.count, using: &random)
        let client = clients[place]
        switch Int.random(in: 0..<12, using: &random) {
        case 0...3: if client.join == nil { clients[place].join = join(client) }
        case 4, 5:
            if fixture.heartbeat(client.id, client.generation, instance: client.instance) == .rebalanceInProgress,
                client.join == nil
            {
                clients[place].join = join(client)
            }
        case 6, 7: commit(client)
        case 8: fixture.pass(.milliseconds(Int.random(in: 0..<4_000, using: &random)))
        case 9: fixture.pass(.seconds(1))
        case 10:
            // Crashes without leaving, and restarts.
            if Int.random(in: 0..<3, using: &random) == 0 { clients[place] = Client(instance: client.instance) }
        default:
            if Int.random(in: 0..<4, using: &random) == 0 {
                let stored = fixture.snapshot(1)
                fixture.restart()
                #expect(fixture.snapshot(1) == stored)
                for place in clients.indices { clients[place].join = nil }
                newest = stored.lazy.compactMap(\.generation).first ?? 0
            }
        }
        try checkOwners()
    }

    private func join(_ client: Client) -> GroupTicket {
        fixture.join(client.id, instance: client.instance, session: 6_000, rebalance: 6_000)
    }

    private mutating func hearAnswers() throws {
        for (place, client) in clients.enumerated() {
            guard let ticket = client.join, fixture.answers[ticket] != nil else { continue }
            clients[place].join = nil
            let answer = try fixture.joined(ticket)
            guard answer.error == .none else {
                if answer.error != .rebalanceInProgress { clients[place] = Client(instance: client.instance) }
                continue
            }
            newest = max(newest, answer.generation)
            (clients[place].id, clients[place].generation) = (answer.memberID, answer.generation)
            var assignments: [String: [UInt8]] = [:]
            if answer.leader == answer.memberID && !answer.members.isEmpty {
                for number in 0..<count {
                    let owner = answer.members[Int(number) % answer.members.count].memberID
                    assignments[owner, default: []].append(number)
                }
            }
            _ = fixture.sync(answer.memberID, answer.generation, assignments, instance: client.instance)
        }
    }

    private mutating func commit(_ client: Client) {
        let generation = Bool.random(using: &random) ? client.generation : client.generation - 1
        guard generation >= 0 else { return }
        let position = CommittedPosition(TopicPartition("orders", 0), Offset(Int64(generation)))
        let errors = fixture.commit([position], memberID: client.id, generation: generation, instance: client.instance)
        if errors == [.none] { #expect(generation == newest) }
    }

    private func checkOwners() throws {
        let description = try fixture.description()
        guard description.state == "Stable" else { return }
        let owned = description.members.flatMap(\.assignment)
        #expect(owned.sorted() == Array(0..<count), "each partition has one owner")
    }
}

/// The clients of one group of the consumer protocol: what they know, and their random steps.
private struct ConsumerRun {
    struct Client {
        var id: String
        var instance: String?
        var epoch: Int32 = 0
        var owned: Set<GroupPartition> = []
        /// The assignment that it was sent and has not applied yet: releasing takes time.
        var told: Set<GroupPartition>?
    }

    let fixture: GroupFixture
    var random: SeededGenerator
    var clients: [Client] = []
    var made = 0

    init(_ seed: UInt64) {
        random = SeededGenerator(seed: seed)
        fixture = GroupFixture(seed: seed)
        fixture.setTopics([("orders", 7)])
        clients = (0..<4).map { makeClient($0 == 0 ? "static" : nil) }
    }

    private mutating func makeClient(_ instance: String? = nil) -> Client {
        made += 1
        return Client(id: "member-\(made)", instance: instance)
    }

    mutating func step() throws {
        let place = Int.random(in: 0..<clients.count, using: &random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0...6: try beat(place, isLost: Int.random(in: 0..<6, using: &random) == 0)
        case 7, 8: openGranted(place)
        case 9: fixture.pass(.seconds(Int.random(in: 0..<12, using: &random)))
        case 10:
            let client = clients[place]
            if client.epoch > 0 {
                _ = try fixture.beat(client.id, client.instance == nil ? -1 : -2, instance: client.instance)
            }
            clients[place] = makeClient(client.instance)
        case 11: if Int.random(in: 0..<3, using: &random) == 0 { clients[place] = makeClient(clients[place].instance) }
        case 12: fixture.setTopics([("orders", Int32.random(in: 5..<9, using: &random))])
        default:
            let (described, stored) = (try fixture.consumers(), fixture.snapshot(1))
            fixture.restart()
            #expect(try fixture.consumers() == described)
            #expect(fixture.snapshot(1) == stored)
        }
        try checkOwners()
    }

    private mutating func beat(_ place: Int, isLost: Bool = false) throws {
        let client = clients[place]
        let answer = try fixture.beat(
            client.id, client.epoch, owned: client.epoch == 0 ? nil : client.owned.sorted(),
            instance: client.instance)
        if isLost { return }
        switch answer.error {
        case .none:
            clients[place].epoch = answer.epoch
            if let assignment = answer.assignment {
                clients[place].told = Set(assignment)
                // New partitions may be used at once.
                clients[place].owned.formUnion(assignment)
            }
        case .unreleasedInstanceID: break
        case .fencedMemberEpoch: (clients[place].epoch, clients[place].owned, clients[place].told) = (0, [], nil)
        default: clients[place] = makeClient(client.instance)
        }
    }

    /// Releases what is no longer assigned to it.
    private mutating func openGranted(_ place: Int) {
        guard let told = clients[place].told else { return }
        clients[place].owned = told
        clients[place].told = nil
    }

    /// A removed member may still believe that it owns partitions: its commits are refused.
    private func checkOwners() throws {
        let members = try fixture.consumers().members
        var owners: [GroupPartition: String] = [:]
        for client in clients where client.epoch > 0 && members.contains(where: { $0.memberID == client.id }) {
            for partition in client.owned {
                let other = owners.updateValue(client.id, forKey: partition)
                #expect(other == nil, "\(partition) is owned by \(other ?? "") and \(client.id)")
            }
        }
    }

    /// With all members live, everything is assigned soon.
    mutating func settle() throws {
        fixture.setTopics([("orders", 7)])
        for _ in 0..<40 {
            for place in clients.indices {
                try beat(place)
                openGranted(place)
                try checkOwners()
            }
            fixture.pass(.seconds(5))
        }
        let description = try fixture.consumers()
        #expect(description.state == "Stable")
        #expect(description.members.flatMap(\.assigned).sorted() == partitions(0, 1, 2, 3, 4, 5, 6))
        #expect(Set(clients.flatMap(\.owned)).count == 7)
    }
}
