/// A store that has no changelog of its own, because a topic that its task reads brings it back: nothing is written for it
/// at a commit, and a restore reads the topic as far as it was committed.
public struct SourceChangelog: Sendable {
    public let store: String
    public let topic: String
    /// The node that reads the topic.
    public let source: String
    /// Makes the head that writes records into the store, and sends nothing on.
    public let makeHead: TopologyNode.MakeHead

    public init(store: String, topic: String, source: String, makeHead: @escaping TopologyNode.MakeHead) {
        self.store = store
        self.topic = topic
        self.source = source
        self.makeHead = makeHead
    }
}
