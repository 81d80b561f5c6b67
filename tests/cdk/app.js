// A small application as CDK users write it: a queue that hears a topic, a table, a bucket, a function from a folder.
const { App, CfnOutput, DefaultStackSynthesizer, Duration, RemovalPolicy, Stack } = require("aws-cdk-lib");
const dynamodb = require("aws-cdk-lib/aws-dynamodb");
const lambda = require("aws-cdk-lib/aws-lambda");
const s3 = require("aws-cdk-lib/aws-s3");
const sns = require("aws-cdk-lib/aws-sns");
const subscriptions = require("aws-cdk-lib/aws-sns-subscriptions");
const sqs = require("aws-cdk-lib/aws-sqs");

const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const stack = new Stack(app, "Shop", { env, synthesizer: new DefaultStackSynthesizer() });
const queue = new sqs.Queue(stack, "Orders", { visibilityTimeout: Duration.seconds(Number(process.env.SECONDS || 30)) });
const topic = new sns.Topic(stack, "News");
topic.addSubscription(new subscriptions.SqsSubscription(queue));
const table = new dynamodb.Table(stack, "Goods", {
  partitionKey: { name: "id", type: dynamodb.AttributeType.STRING },
  billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
  removalPolicy: RemovalPolicy.DESTROY,
});
new s3.Bucket(stack, "Pictures", { removalPolicy: RemovalPolicy.DESTROY });
const seller = new lambda.Function(stack, "Seller", {
  runtime: lambda.Runtime.PYTHON_3_11,
  handler: "index.handler",
  code: lambda.Code.fromAsset("function"),
  environment: { TABLE: table.tableName },
});
table.grantReadData(seller);
new CfnOutput(stack, "Queue", { value: queue.queueUrl });
new CfnOutput(stack, "Function", { value: seller.functionName });
