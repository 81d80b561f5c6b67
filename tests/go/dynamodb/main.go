// The AWS SDK for Go against a DynamoDB endpoint: what its client checks of answers (checksums, types, waiters,
// paginators, errors as types) is checked by its being there. Prints "ok", or what went wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const table = "orders"

type order struct {
	Customer string             `dynamodbav:"customer"`
	Number   int                `dynamodbav:"number"`
	State    string             `dynamodbav:"state"`
	Tags     []string           `dynamodbav:"tags,stringset,omitempty"`
	Lines    map[string]float64 `dynamodbav:"lines,omitempty"`
	Raw      []byte             `dynamodbav:"raw,omitempty"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(os.Getenv("ENDPOINT")),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider(os.Getenv("KEY"), os.Getenv("SECRET"), ""),
		Retryer:      aws.NopRetryer{},
	})
	for _, step := range []struct {
		name string
		run  func(context.Context, *dynamodb.Client) error
	}{{"tables", tables}, {"items", items}, {"pages", pages}, {"transactions", transactions}, {"errors", refusals}} {
		if err := step.run(ctx, client); err != nil {
			fmt.Printf("%s: %v\n", step.name, err)
			os.Exit(1)
		}
	}
	fmt.Println("ok")
}

func key(number int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"customer": &types.AttributeValueMemberS{Value: "eva"},
		"number":   &types.AttributeValueMemberN{Value: fmt.Sprint(number)},
	}
}

func tables(ctx context.Context, client *dynamodb.Client) error {
	define := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: kind}
	}
	schema := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		}
	}
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   aws.String(table),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			define("customer", types.ScalarAttributeTypeS), define("number", types.ScalarAttributeTypeN),
			define("state", types.ScalarAttributeTypeS),
		},
		KeySchema: schema("customer", "number"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("by-state"), KeySchema: schema("state", "number"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		return err
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(options *dynamodb.TableExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = 20*time.Millisecond, 200*time.Millisecond
	})
	return waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(table)}, 30*time.Second)
}

func items(ctx context.Context, client *dynamodb.Client) error {
	before := order{"eva", 1, "open", []string{"gift", "late"}, map[string]float64{"pen": 1.5}, []byte{0, 255}}
	item, err := attributevalue.MarshalMap(before)
	if err != nil {
		return err
	}
	if _, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(table), Item: item}); err != nil {
		return err
	}
	update := expression.Set(expression.Name("state"), expression.Value("paid")).
		Add(expression.Name("seen"), expression.Value(1))
	built, err := expression.NewBuilder().WithUpdate(update).
		WithCondition(expression.Name("state").Equal(expression.Value("open"))).Build()
	if err != nil {
		return err
	}
	updated, err := client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(table), Key: key(1), UpdateExpression: built.Update(),
		ConditionExpression: built.Condition(), ExpressionAttributeNames: built.Names(),
		ExpressionAttributeValues: built.Values(), ReturnValues: types.ReturnValueAllNew,
	})
	if err != nil {
		return err
	}
	var after order
	if err = attributevalue.UnmarshalMap(updated.Attributes, &after); err != nil {
		return err
	}
	before.State = "paid"
	if fmt.Sprint(after) != fmt.Sprint(before) {
		return fmt.Errorf("%v became %v", before, after)
	}
	return nil
}

func pages(ctx context.Context, client *dynamodb.Client) error {
	writes := make([]types.WriteRequest, 0, 25)
	for number := 10; number < 35; number++ {
		item, err := attributevalue.MarshalMap(order{Customer: "eva", Number: number, State: "new"})
		if err != nil {
			return err
		}
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	batch := map[string][]types.WriteRequest{table: writes}
	answer, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: batch})
	if err != nil || len(answer.UnprocessedItems) != 0 {
		return fmt.Errorf("%v, unprocessed %v", err, answer)
	}
	built, err := expression.NewBuilder().
		WithKeyCondition(expression.Key("state").Equal(expression.Value("new"))).Build()
	if err != nil {
		return err
	}
	paginator := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: aws.String(table), IndexName: aws.String("by-state"), Limit: aws.Int32(10),
		KeyConditionExpression: built.KeyCondition(), ExpressionAttributeNames: built.Names(),
		ExpressionAttributeValues: built.Values(),
	})
	var found []order
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(ctx)
		if err != nil {
			return err
		}
		var orders []order
		if err = attributevalue.UnmarshalListOfMaps(page.Items, &orders); err != nil {
			return err
		}
		found = append(found, orders...)
	}
	if len(found) != 25 || found[0].Number != 10 || found[24].Number != 34 {
		return fmt.Errorf("%v", found)
	}
	return nil
}

func transactions(ctx context.Context, client *dynamodb.Client) error {
	check := &types.ConditionCheck{
		TableName: aws.String(table), Key: key(999), ConditionExpression: aws.String("attribute_exists(customer)"),
	}
	remove := &types.Delete{TableName: aws.String(table), Key: key(1)}
	_, err := client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Delete: remove}, {ConditionCheck: check}},
	})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return fmt.Errorf("not cancelled: %v", err)
	}
	codes := fmt.Sprint(aws.ToString(cancelled.CancellationReasons[0].Code), " ", aws.ToString(cancelled.CancellationReasons[1].Code))
	if codes != "None ConditionalCheckFailed" {
		return errors.New(codes)
	}
	got, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(table), Key: key(1), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil || got.Item == nil || aws.ToFloat64(got.ConsumedCapacity.CapacityUnits) != 0.5 {
		return fmt.Errorf("%v, %v", err, got)
	}
	return nil
}

func refusals(ctx context.Context, client *dynamodb.Client) error {
	_, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(table), Key: key(1), ConditionExpression: aws.String("attribute_not_exists(customer)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) || failed.Item["customer"] == nil {
		return fmt.Errorf("no failed condition with its item: %v", err)
	}
	_, err = client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("missing")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return fmt.Errorf("no missing table: %v", err)
	}
	return nil
}
