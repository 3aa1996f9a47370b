import MoldauRecords
import Testing

struct TopicNameTests {
    @Test(arguments: ["a", "text-lines", "Orders_2.eu", "__consumer_offsets", String(repeating: "x", count: 249)])
    func `a name of the characters that Kafka allows is accepted`(name: String) {
        #expect(TopicName.objection(to: name) == nil)
    }

    @Test(arguments: [
        ("", "it is empty"), (".", "'.' and '..' are reserved"), ("..", "'.' and '..' are reserved"),
        (String(repeating: "x", count: 250), "it has 250 bytes; the limit is 249"),
        ("a b", "only ASCII letters, digits, '.', '_' and '-' are allowed"),
        ("../a", "only ASCII letters, digits, '.', '_' and '-' are allowed"),
        ("größe", "only ASCII letters, digits, '.', '_' and '-' are allowed"),
    ])
    func `any other name is rejected with the reason`(name: String, reason: String) {
        #expect(TopicName.objection(to: name) == reason)
    }
}
