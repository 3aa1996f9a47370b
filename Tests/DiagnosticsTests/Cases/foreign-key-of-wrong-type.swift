import Moldau

func foreignKeyOfWrongType(_ s: StreamsBuilder) {
    _ = s.table(orders).join(s.table(customers), on: \.cents) { o, c in c }
}
