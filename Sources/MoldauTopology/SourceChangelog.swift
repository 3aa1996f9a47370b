/// Marks a store that has no changelog of its own, because it can be restored from a topic that its task reads. A
/// commit writes nothing for it, and a restore reads the topic up to the committed position.
public struct SourceChangelog: Sendable {
    public let store: String
    public let topic: String
    /// The name of the node that reads the topic.
    public let source: String
    /// Makes a head that writes records into the store and forwards nothing.
    public let makeHead: TopologyNode.MakeHead

    public init(store: String, topic: String, source: String, makeHead: @escaping TopologyNode.MakeHead) {
        self.store = store
        self.topic = topic
        self.source = source
        self.makeHead = makeHead
    }
}
