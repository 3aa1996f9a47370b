import MoldauRecords
import Testing

struct TopicIDTests {
    /// Encoded by RFC 4648, section 5, with Python's base64.urlsafe_b64encode.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, 0x0000_0000_0000_0002, "AAAAAAAAAAAAAAAAAAAAAg"),
            (0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, "_____________________w"),
            (0xf313_67ca_a328_4207, 0x94b1_4a5a_988c_556d, "8xNnyqMoQgeUsUpamIxVbQ"),
        ] as [(UInt64, UInt64, String)])
    func `an id is written as in Kafka`(high: UInt64, low: UInt64, text: String) {
        let id = TopicID(high: high, low: low)
        #expect(id.description == text)
        #expect(TopicID(text) == id)
    }

    @Test(arguments: [
        "", "AAAAAAAAAAAAAAAAAAAAAA", "8xNnyqMoQgeUsUpamIxVb", "8xNnyqMoQgeUsUpamIxVbQ=", "8xNnyqMoQgeUsUpamIxVbR",
        "8xNnyqMoQgeUsUpamIxV/Q", "8xNnyqMoQgeUsUpamIxVé",
    ])
    func `invalid text is not an id`(text: String) { #expect(TopicID(text) == nil) }

    @Test func `equal seeds give equal ids, different seeds different ones, and none begins with a dash`() {
        var (first, again) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
        #expect(TopicID.random(using: &first) == TopicID.random(using: &again))
        var generator = SeededGenerator(seed: 2)
        var ids: Set<TopicID> = []
        for _ in 0..<1_000 {
            let id = TopicID.random(using: &generator)
            #expect(!id.description.hasPrefix("-"))
            ids.insert(id)
        }
        #expect(ids.count == 1_000)
    }
}
