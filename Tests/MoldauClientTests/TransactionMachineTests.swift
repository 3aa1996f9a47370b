import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

@Suite struct TransactionMachineTests {
    /// A producer with the id 7 and epoch 0, and one partition.
    private func machine() -> ProducerMachine {
        var options = ProducerOptions()
        options.transactionalID = "id"
        let client = ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)])
        var machine = ProducerMachine(options, client)
        machine.setPartitions(1, of: machine.addTopic(.roundRobin()), named: "t")
        begin(&machine, epoch: 0, ClusterMap(client))
        return machine
    }

    private func begin(_ machine: inout ProducerMachine, epoch: Int16, _ map: ClusterMap) {
        _ = machine.next(.zero, map)
        let response = InitProducerIdResponse {
            $0.producerID = 7
            $0.producerEpoch = epoch
        }
        machine.gotProducer(.success(response), .zero, chance: 0)
    }

    @Test func `a transaction after one with requests in flight begins in a new epoch`() {
        var machine = machine()
        machine.endTransaction()
        #expect(machine.stamp?.epoch == 0)
        machine.hasStragglers = true
        machine.endTransaction()
        #expect(machine.stamp == nil && !machine.hasStragglers)
    }

    @Test func `an answer for an aborted transaction does not apply to the next one`() throws {
        var machine = machine()
        let old = try #require(machine.stamp)
        machine.renewIdentity()
        begin(&machine, epoch: 1, ClusterMap(ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)])))
        machine.addedPartitions([TopicPartition("t", 0)], old, nil, .zero, chance: 0)
        #expect(!machine.lanes[0].isInTransaction)
        let new = try #require(machine.stamp)
        machine.addedPartitions([TopicPartition("t", 0)], new, nil, .zero, chance: 0)
        #expect(machine.lanes[0].isInTransaction)
    }
}
